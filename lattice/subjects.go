package lattice

// Subjects names the subjects of one lattice: "lw.<lattice>.…". The value is
// the lattice's name, which must be valid.
type Subjects string

// Control is where the leading control member serves the operation op, e.g.
// "lw.prod.control.link.put".
func (s Subjects) Control(op string) string { return "lw." + string(s) + ".control." + op }

// Feed is where committed changes are published.
func (s Subjects) Feed() string { return "lw." + string(s) + ".feed" }

// Heartbeat is where a host publishes its heartbeats.
func (s Subjects) Heartbeat(h HostID) string { return "lw." + string(s) + ".heartbeat." + string(h) }

// Heartbeats is where all heartbeats arrive.
func (s Subjects) Heartbeats() string { return "lw." + string(s) + ".heartbeat.*" }

// Host is where host h serves the operation op, e.g. "lw.prod.host.01J….invoke".
func (s Subjects) Host(h HostID, op string) string {
	return "lw." + string(s) + ".host." + string(h) + "." + op
}

// Echo is where the control member with the given id hears itself, to know
// whether it is cut off from the bus.
func (s Subjects) Echo(member string) string { return "lw." + string(s) + ".echo." + member }

// The operations of the control member.
const (
	OpHello             = "hello"
	OpSnapshot          = "feed.snapshot"
	OpChanges           = "feed.changes"
	OpLinkPut           = "link.put"
	OpLinkGet           = "link.get"
	OpLinkList          = "link.list"
	OpLinkDelete        = "link.delete"
	OpLinkSwap          = "link.swap"
	OpConfigPut         = "config.put"
	OpConfigGet         = "config.get"
	OpConfigList        = "config.list"
	OpConfigDelete      = "config.delete"
	OpApplicationDeploy = "application.deploy"
	OpApplicationDelete = "application.delete"
	OpApplicationList   = "application.list"
	OpHostList          = "host.list"
	OpComponentList     = "component.list"
	OpProviderList      = "provider.list"
	OpBlobPut           = "blob.put"
	OpBlobGet           = "blob.get"
)

// The operations of a host.
const (
	HostOpInvoke    = "invoke"    // binary: see Invocation
	HostOpCall      = "call"      // CallRequest → CallReply
	HostOpPrepare   = "prepare"   // PrepareLink → Ready
	HostOpAwait     = "await"     // AwaitRequest → AwaitReply
	HostOpDrain     = "drain"     // DrainLink → DrainReport
	HostOpInventory = "inventory" // → Inventory
)
