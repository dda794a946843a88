package components

// allowance is an entry of a Windows folder's access list that allows something
// to somebody: a security identifier as text, and the rights.
type allowance struct {
	sid    string
	rights uint32
}

// writing are the rights by which somebody puts code into a folder, or takes the
// right to: FILE_WRITE_DATA, FILE_APPEND_DATA, FILE_DELETE_CHILD, DELETE,
// WRITE_DAC, WRITE_OWNER, GENERIC_ALL, GENERIC_WRITE and MAXIMUM_ALLOWED.
const writing = 0x2 | 0x4 | 0x40 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x1000_0000 | 0x4000_0000 | 0x200_0000

// trusted reports whether code may come from sid: the user, those that can do
// anything on the machine, SYSTEM and the administrators, and in lists, where
// they stand for the owner of what they are about, CREATOR OWNER and OWNER
// RIGHTS.
func trusted(sid, user string) bool {
	switch sid {
	case user, "S-1-5-18", "S-1-5-32-544", "S-1-3-0", "S-1-3-4":
		return true
	}
	return false
}

// strangers returns who else may write, each once.
func strangers(list []allowance, user string) []string {
	var out []string
	seen := map[string]bool{}
	for _, a := range list {
		if a.rights&writing != 0 && !trusted(a.sid, user) && !seen[a.sid] {
			seen[a.sid] = true
			out = append(out, a.sid)
		}
	}
	return out
}
