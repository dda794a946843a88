package preview1

import (
	"slices"
	"sync"

	"latticework/components"
	"latticework/wit/abi"
)

// moduleName is what modules import from.
const moduleName = "wasi_snapshot_preview1"

// call is one call of a function of this package.
type call struct {
	*guest
	mem memory
	// p are the parameters. Those of 32 bits may have rubbish above: they are
	// taken with a conversion.
	p []uint64
}

func (c *call) u32(i int) uint32 { return uint32(c.p[i]) }

// function is one function of WASI 0.1. Each takes integers, in params i for
// 32 and I for 64 bits, and answers an errno. An error of run that stands for
// no errno ends the guest.
type function struct {
	name, params string
	run          func(c *call) error
}

// functions are all of WASI 0.1.
var functions = []function{
	{"args_get", "ii", argsGet},
	{"args_sizes_get", "ii", argsSizesGet},
	{"environ_get", "ii", environGet},
	{"environ_sizes_get", "ii", environSizesGet},
	{"clock_res_get", "ii", clockResGet},
	{"clock_time_get", "iIi", clockTimeGet},
	{"fd_advise", "iIIi", fdAdvise},
	{"fd_allocate", "iII", fdAllocate},
	{"fd_close", "i", fdClose},
	{"fd_datasync", "i", fdDatasync},
	{"fd_fdstat_get", "ii", fdFdstatGet},
	{"fd_fdstat_set_flags", "ii", fdFdstatSetFlags},
	{"fd_fdstat_set_rights", "iII", fdFdstatSetRights},
	{"fd_filestat_get", "ii", fdFilestatGet},
	{"fd_filestat_set_size", "iI", fdFilestatSetSize},
	{"fd_filestat_set_times", "iIIi", fdFilestatSetTimes},
	{"fd_pread", "iiiIi", fdPread},
	{"fd_prestat_get", "ii", fdPrestatGet},
	{"fd_prestat_dir_name", "iii", fdPrestatDirName},
	{"fd_pwrite", "iiiIi", fdPwrite},
	{"fd_read", "iiii", fdRead},
	{"fd_readdir", "iiiIi", fdReaddir},
	{"fd_renumber", "ii", fdRenumber},
	{"fd_seek", "iIii", fdSeek},
	{"fd_sync", "i", fdSync},
	{"fd_tell", "ii", fdTell},
	{"fd_write", "iiii", fdWrite},
	{"path_create_directory", "iii", pathCreateDirectory},
	{"path_filestat_get", "iiiii", pathFilestatGet},
	{"path_filestat_set_times", "iiiiIIi", pathFilestatSetTimes},
	{"path_link", "iiiiiii", pathLink},
	{"path_open", "iiiiiIIii", pathOpen},
	{"path_readlink", "iiiiii", pathReadlink},
	{"path_remove_directory", "iii", pathRemoveDirectory},
	{"path_rename", "iiiiii", pathRename},
	{"path_symlink", "iiiii", pathSymlink},
	{"path_unlink_file", "iii", pathUnlinkFile},
	{"poll_oneoff", "iiii", pollOneoff},
	{"proc_raise", "i", procRaise},
	{"sched_yield", "", schedYield},
	{"random_get", "ii", randomGet},
	{"sock_accept", "iii", sock},
	{"sock_recv", "iiiiii", sock},
	{"sock_send", "iiiii", sock},
	{"sock_shutdown", "ii", sock},
}

// Provides reports whether a module's import f is a function of WASI 0.1 under
// its type.
func Provides(f components.CoreFunc) bool {
	return slices.ContainsFunc(hosts(), func(h components.CoreHost) bool {
		return h.Module == f.Module && h.Name == f.Name && slices.Equal(h.Params, f.Params) && slices.Equal(h.Results, f.Results)
	})
}

// hosts are the functions as the engine takes them; nobody changes them.
var hosts = sync.OnceValue(func() []components.CoreHost {
	list := make([]components.CoreHost, 0, len(functions)+1)
	for _, f := range functions {
		h := components.CoreHost{Call: func(in *components.CoreInstance, stack []uint64) error {
			g := in.State.(*guest)
			c := &g.call
			c.mem, c.p = in.Memory(), stack
			e, fatal := errnoOf(f.run(c))
			stack[0] = uint64(e)
			return fatal
		}}
		h.Module, h.Name, h.Params, h.Results = moduleName, f.name, coreTypes(f.params), []abi.CoreType{abi.I32}
		list = append(list, h)
	}
	exit := components.CoreHost{Call: func(_ *components.CoreInstance, stack []uint64) error {
		return &ExitError{Code: uint32(stack[0])}
	}}
	exit.Module, exit.Name, exit.Params = moduleName, "proc_exit", coreTypes("i")
	return append(list, exit)
})

func coreTypes(params string) []abi.CoreType {
	out := make([]abi.CoreType, len(params))
	for i, p := range params {
		if out[i] = abi.I32; p == 'I' {
			out[i] = abi.I64
		}
	}
	return out
}
