package filesystem

import (
	"sync"
	"syscall"

	wasifs "latticework/components/wasi/bindings/wasifilesystem"
)

// codes maps the machine's error numbers; made with the first error.
var codes = sync.OnceValue(func() map[syscall.Errno]wasifs.ErrorCode {
	return map[syscall.Errno]wasifs.ErrorCode{
		syscall.EACCES:       wasifs.ErrorCodeAccess,
		syscall.EAGAIN:       wasifs.ErrorCodeWouldBlock,
		syscall.EALREADY:     wasifs.ErrorCodeAlready,
		syscall.EBADF:        wasifs.ErrorCodeBadDescriptor,
		syscall.EBUSY:        wasifs.ErrorCodeBusy,
		syscall.EDEADLK:      wasifs.ErrorCodeDeadlock,
		syscall.EDQUOT:       wasifs.ErrorCodeQuota,
		syscall.EEXIST:       wasifs.ErrorCodeExist,
		syscall.EFBIG:        wasifs.ErrorCodeFileTooLarge,
		syscall.EILSEQ:       wasifs.ErrorCodeIllegalByteSequence,
		syscall.EINPROGRESS:  wasifs.ErrorCodeInProgress,
		syscall.EINTR:        wasifs.ErrorCodeInterrupted,
		syscall.EINVAL:       wasifs.ErrorCodeInvalid,
		syscall.EIO:          wasifs.ErrorCodeIo,
		syscall.EISDIR:       wasifs.ErrorCodeIsDirectory,
		syscall.ELOOP:        wasifs.ErrorCodeLoop,
		syscall.EMFILE:       wasifs.ErrorCodeInsufficientMemory,
		syscall.EMLINK:       wasifs.ErrorCodeTooManyLinks,
		syscall.EMSGSIZE:     wasifs.ErrorCodeMessageSize,
		syscall.ENAMETOOLONG: wasifs.ErrorCodeNameTooLong,
		syscall.ENFILE:       wasifs.ErrorCodeInsufficientMemory,
		syscall.ENODEV:       wasifs.ErrorCodeNoDevice,
		syscall.ENOENT:       wasifs.ErrorCodeNoEntry,
		syscall.ENOLCK:       wasifs.ErrorCodeNoLock,
		syscall.ENOMEM:       wasifs.ErrorCodeInsufficientMemory,
		syscall.ENOSPC:       wasifs.ErrorCodeInsufficientSpace,
		syscall.ENOSYS:       wasifs.ErrorCodeUnsupported,
		syscall.ENOTDIR:      wasifs.ErrorCodeNotDirectory,
		syscall.ENOTEMPTY:    wasifs.ErrorCodeNotEmpty,
		syscall.ENOTSUP:      wasifs.ErrorCodeUnsupported,
		syscall.ENOTTY:       wasifs.ErrorCodeNoTty,
		syscall.ENXIO:        wasifs.ErrorCodeNoSuchDevice,
		syscall.EOVERFLOW:    wasifs.ErrorCodeOverflow,
		syscall.EPERM:        wasifs.ErrorCodeNotPermitted,
		syscall.EPIPE:        wasifs.ErrorCodePipe,
		syscall.EROFS:        wasifs.ErrorCodeReadOnly,
		syscall.ESPIPE:       wasifs.ErrorCodeInvalidSeek,
		syscall.ETXTBSY:      wasifs.ErrorCodeTextFileBusy,
		syscall.EXDEV:        wasifs.ErrorCodeCrossDevice,
	}
})
