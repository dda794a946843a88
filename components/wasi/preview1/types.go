package preview1

import wasifs "latticework/components/wasi/bindings/wasifilesystem"

// rights are what a descriptor may be used for, a set of the bits below.
type rights uint64

const (
	rightFdDatasync rights = 1 << iota
	rightFdRead
	rightFdSeek
	rightFdFdstatSetFlags
	rightFdSync
	rightFdTell
	rightFdWrite
	rightFdAdvise
	rightFdAllocate
	rightPathCreateDirectory
	rightPathCreateFile
	rightPathLinkSource
	rightPathLinkTarget
	rightPathOpen
	rightFdReaddir
	rightPathReadlink
	rightPathRenameSource
	rightPathRenameTarget
	rightPathFilestatGet
	rightPathFilestatSetSize
	rightPathFilestatSetTimes
	rightFdFilestatGet
	rightFdFilestatSetSize
	rightFdFilestatSetTimes
	rightPathSymlink
	rightPathRemoveDirectory
	rightPathUnlinkFile
	rightPollFdReadwrite
)

const (
	// fileRights are all that a file can have.
	fileRights = rightFdDatasync | rightFdRead | rightFdSeek | rightFdFdstatSetFlags | rightFdSync | rightFdTell |
		rightFdWrite | rightFdAdvise | rightFdAllocate | rightFdFilestatGet | rightFdFilestatSetSize |
		rightFdFilestatSetTimes | rightPollFdReadwrite
	// folderRights are all that a folder can have.
	folderRights = rightFdDatasync | rightFdFdstatSetFlags | rightFdSync | rightPathCreateDirectory | rightPathCreateFile |
		rightPathLinkSource | rightPathLinkTarget | rightPathOpen | rightFdReaddir | rightPathReadlink |
		rightPathRenameSource | rightPathRenameTarget | rightPathFilestatGet | rightPathFilestatSetSize |
		rightPathFilestatSetTimes | rightFdFilestatGet | rightFdFilestatSetTimes | rightPathSymlink |
		rightPathRemoveDirectory | rightPathUnlinkFile
	// stdioRights are what standard streams have, with one of read and write.
	stdioRights = rightFdFdstatSetFlags | rightFdFilestatGet | rightPollFdReadwrite
)

// Descriptor flags.
const (
	flagAppend   = 1 << 0
	flagDsync    = 1 << 1
	flagNonblock = 1 << 2
	flagRsync    = 1 << 3
	flagSync     = 1 << 4
	allFlags     = 1<<5 - 1
)

// File types.
const (
	typeUnknown   = 0
	typeBlock     = 1
	typeCharacter = 2
	typeDirectory = 3
	typeRegular   = 4
	typeStream    = 6
	typeSymlink   = 7
)

// fileType maps the types of wasi:filesystem; a pipe has none of its own.
func fileType(t wasifs.DescriptorType) byte {
	switch t {
	case wasifs.DescriptorTypeBlockDevice:
		return typeBlock
	case wasifs.DescriptorTypeCharacterDevice:
		return typeCharacter
	case wasifs.DescriptorTypeDirectory:
		return typeDirectory
	case wasifs.DescriptorTypeRegularFile:
		return typeRegular
	case wasifs.DescriptorTypeSocket:
		return typeStream
	case wasifs.DescriptorTypeSymbolicLink:
		return typeSymlink
	}
	return typeUnknown
}
