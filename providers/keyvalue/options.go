package keyvalue

import (
	"latticework/providers"
)

// Options are the settings of a link that mean the same for every technology.
// The zero value stands for the defaults.
type Options struct {
	// Buckets are the identifiers that a guest can open; nil stands for any.
	// Setting "buckets": names between commas.
	Buckets []string
	// Namespace keeps the buckets of different applications in one store
	// apart. Links with the same namespace share their buckets. Setting
	// "namespace", default "lattice".
	Namespace string
	// MaxKey and MaxValue are the largest key and value in bytes. Settings
	// "max_key_bytes", default 4 KiB, and "max_value_bytes", default 16 MiB.
	MaxKey, MaxValue int
	// MaxBatch is the most keys of one batch call. Setting "max_batch",
	// default 10,000.
	MaxBatch int
	// PageSize is about how many keys one page of a listing has. Setting
	// "page_size", default 1,000.
	PageSize int
}

// The defaults of Options.
const (
	DefaultNamespace = "lattice"
	defaultMaxKey    = 4 << 10
	defaultMaxValue  = 16 << 20
	defaultMaxBatch  = 10_000
	defaultPageSize  = 1000

	// MostKey is the largest key that every technology can hold.
	MostKey = 16 << 10
	// MostValue is the largest value that every technology can hold.
	MostValue = 512 << 20
)

// ReadOptions takes the common settings from s; the caller asks for its own
// and then for s.Err.
func ReadOptions(s *providers.Settings) Options {
	return Options{
		Buckets:   s.List("buckets"),
		Namespace: s.String("namespace", DefaultNamespace),
		MaxKey:    int(s.Bytes("max_key_bytes", defaultMaxKey, 1, MostKey)),
		MaxValue:  int(s.Bytes("max_value_bytes", defaultMaxValue, 1, MostValue)),
		MaxBatch:  int(s.Int("max_batch", defaultMaxBatch, 1, 1_000_000)),
		PageSize:  int(s.Int("page_size", defaultPageSize, 1, 100_000)),
	}
}

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	if o.Namespace == "" {
		o.Namespace = DefaultNamespace
	}
	set := func(field *int, otherwise int) {
		if *field == 0 {
			*field = otherwise
		}
	}
	set(&o.MaxKey, defaultMaxKey)
	set(&o.MaxValue, defaultMaxValue)
	set(&o.MaxBatch, defaultMaxBatch)
	set(&o.PageSize, defaultPageSize)
	return o
}
