package preview1

import (
	"context"
	"errors"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
	"latticework/components/wasi/bindings/wasiio"
	"latticework/components/wasi/filesystem"
	"latticework/components/wasi/streams"
	"latticework/wit/abi"
)

// errno is an error number of WASI 0.1; 0 is success.
type errno uint16

// Error implements error, so that functions can answer it.
func (e errno) Error() string { return "errno " + errnoNames[e] }

// The numbers that this package gives.
const (
	errAcces       errno = 2
	errAgain       errno = 6
	errAlready     errno = 7
	errBadf        errno = 8
	errBusy        errno = 10
	errDeadlk      errno = 16
	errDquot       errno = 19
	errExist       errno = 20
	errFault       errno = 21
	errFbig        errno = 22
	errIlseq       errno = 25
	errInprogress  errno = 26
	errIntr        errno = 27
	errInval       errno = 28
	errIo          errno = 29
	errIsdir       errno = 31
	errLoop        errno = 32
	errMlink       errno = 34
	errMsgsize     errno = 35
	errNametoolong errno = 37
	errNodev       errno = 43
	errNoent       errno = 44
	errNolck       errno = 46
	errNomem       errno = 48
	errNospc       errno = 51
	errNotdir      errno = 54
	errNotempty    errno = 55
	errNotrecover  errno = 56
	errNotsock     errno = 57
	errNotsup      errno = 58
	errNotty       errno = 59
	errNxio        errno = 60
	errOverflow    errno = 61
	errPerm        errno = 63
	errPipe        errno = 64
	errRofs        errno = 69
	errSpipe       errno = 70
	errTxtbsy      errno = 74
	errXdev        errno = 75
	errNotcapable  errno = 76
)

// errnoNames are for people: traces and tests.
var errnoNames = map[errno]string{
	errAcces: "acces", errAgain: "again", errAlready: "already", errBadf: "badf", errBusy: "busy",
	errDeadlk: "deadlk", errDquot: "dquot", errExist: "exist", errFault: "fault", errFbig: "fbig",
	errIlseq: "ilseq", errInprogress: "inprogress", errIntr: "intr", errInval: "inval", errIo: "io",
	errIsdir: "isdir", errLoop: "loop", errMlink: "mlink", errMsgsize: "msgsize",
	errNametoolong: "nametoolong", errNodev: "nodev", errNoent: "noent", errNolck: "nolck",
	errNomem: "nomem", errNospc: "nospc", errNotdir: "notdir", errNotempty: "notempty",
	errNotrecover: "notrecoverable", errNotsock: "notsock", errNotsup: "notsup", errNotty: "notty",
	errNxio: "nxio", errOverflow: "overflow", errPerm: "perm", errPipe: "pipe", errRofs: "rofs",
	errSpipe: "spipe", errTxtbsy: "txtbsy", errXdev: "xdev", errNotcapable: "notcapable",
}

// ofCode maps the error codes of wasi:filesystem.
var ofCode = map[wasifs.ErrorCode]errno{
	wasifs.ErrorCodeAccess:              errAcces,
	wasifs.ErrorCodeWouldBlock:          errAgain,
	wasifs.ErrorCodeAlready:             errAlready,
	wasifs.ErrorCodeBadDescriptor:       errBadf,
	wasifs.ErrorCodeBusy:                errBusy,
	wasifs.ErrorCodeDeadlock:            errDeadlk,
	wasifs.ErrorCodeQuota:               errDquot,
	wasifs.ErrorCodeExist:               errExist,
	wasifs.ErrorCodeFileTooLarge:        errFbig,
	wasifs.ErrorCodeIllegalByteSequence: errIlseq,
	wasifs.ErrorCodeInProgress:          errInprogress,
	wasifs.ErrorCodeInterrupted:         errIntr,
	wasifs.ErrorCodeInvalid:             errInval,
	wasifs.ErrorCodeIo:                  errIo,
	wasifs.ErrorCodeIsDirectory:         errIsdir,
	wasifs.ErrorCodeLoop:                errLoop,
	wasifs.ErrorCodeTooManyLinks:        errMlink,
	wasifs.ErrorCodeMessageSize:         errMsgsize,
	wasifs.ErrorCodeNameTooLong:         errNametoolong,
	wasifs.ErrorCodeNoDevice:            errNodev,
	wasifs.ErrorCodeNoEntry:             errNoent,
	wasifs.ErrorCodeNoLock:              errNolck,
	wasifs.ErrorCodeInsufficientMemory:  errNomem,
	wasifs.ErrorCodeInsufficientSpace:   errNospc,
	wasifs.ErrorCodeNotDirectory:        errNotdir,
	wasifs.ErrorCodeNotEmpty:            errNotempty,
	wasifs.ErrorCodeNotRecoverable:      errNotrecover,
	wasifs.ErrorCodeUnsupported:         errNotsup,
	wasifs.ErrorCodeNoTty:               errNotty,
	wasifs.ErrorCodeNoSuchDevice:        errNxio,
	wasifs.ErrorCodeOverflow:            errOverflow,
	wasifs.ErrorCodeNotPermitted:        errPerm,
	wasifs.ErrorCodePipe:                errPipe,
	wasifs.ErrorCodeReadOnly:            errRofs,
	wasifs.ErrorCodeInvalidSeek:         errSpipe,
	wasifs.ErrorCodeTextFileBusy:        errTxtbsy,
	wasifs.ErrorCodeCrossDevice:         errXdev,
}

// errnoOf splits what a function answers into what the guest is told and what
// ends it.
func errnoOf(err error) (errno, error) {
	var code *abi.Failure[wasifs.ErrorCode]
	var stream *abi.Failure[wasiio.StreamError]
	switch e := err.(type) {
	case nil:
		return 0, nil
	case errno:
		return e, nil
	}
	switch {
	case errors.As(err, &code):
		if e, ok := ofCode[code.Value]; ok {
			return e, nil
		}
		return errIo, nil
	case errors.As(err, &stream):
		return errnoOfStream(stream.Value), nil
	}
	return 0, err
}

// errnoOfStream tells why a stream failed: the code of a file, else io.
func errnoOfStream(s wasiio.StreamError) errno {
	if s.Case == wasiio.StreamErrorCaseClosed {
		return errPipe
	}
	if own, ok := s.LastOperationFailed.(*streams.Error); ok {
		if e := filesystemCode(own); e != 0 {
			return e
		}
	}
	return errIo
}

// isClosed reports whether a stream ended.
func isClosed(err error) bool {
	var f *abi.Failure[wasiio.StreamError]
	return errors.As(err, &f) && f.Value.Case == wasiio.StreamErrorCaseClosed
}

// fileErrors knows the codes inside of stream errors.
var fileErrors filesystem.System

// filesystemCode returns the code of a stream error that came from a file, 0
// for another.
func filesystemCode(err *streams.Error) errno {
	code, _ := fileErrors.FilesystemErrorCode(context.Background(), err) // it has no way to fail
	if !code.Some {
		return 0
	}
	return ofCode[code.Value]
}
