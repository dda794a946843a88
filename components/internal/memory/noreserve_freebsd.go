package memory

// noReserve is nothing here: FreeBSD never sets swap space aside.
const noReserve = 0
