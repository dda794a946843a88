package linkstate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"latticework/internal/errcode"
)

// The functions below check a record from a command and return a copy with
// only what its author may say, in one normal form.

func normalLink(in Link) (*Link, error) {
	l := Link{LinkKey: in.LinkKey.Normal(), SourceConfig: nonEmpty(in.SourceConfig), Policy: in.Policy, App: in.App}
	if err := validLinkKey(l.LinkKey); err != nil {
		return nil, err
	}
	var err error
	if l.Targets, err = normalTargets(in.Targets); err != nil {
		return nil, errcode.New(errcode.Of(err), "link %s: %w", l.LinkKey, err)
	}
	if err := validConfigNames("link "+l.LinkKey.String(), l.SourceConfig); err != nil {
		return nil, err
	}
	switch l.Policy.Locality {
	case "", "local-only", "prefer-local", "any":
	default:
		return nil, errcode.New(errcode.Invalid, "link %s: locality %.80q, want local-only, prefer-local or any", l.LinkKey, l.Policy.Locality)
	}
	return &l, nil
}

func validLinkKey(k LinkKey) error {
	if err := ValidName("link source", k.Source); err != nil {
		return err
	}
	if err := ValidName("link", k.Name); err != nil {
		return err
	}
	if err := validKebab("package namespace", k.Namespace); err != nil {
		return err
	}
	if err := validKebab("package", k.Package); err != nil {
		return err
	}
	if len(k.Interfaces) == 0 {
		return errcode.New(errcode.Invalid, "link of %q to %s: no interfaces", k.Source, k.PackageName())
	}
	if len(k.Interfaces) > MaxInterfaces {
		return errcode.New(errcode.Invalid, "link of %q to %s: interfaces: %d > %d", k.Source, k.PackageName(), len(k.Interfaces), MaxInterfaces)
	}
	for _, i := range k.Interfaces {
		if err := validKebab("interface", i); err != nil {
			return err
		}
	}
	return nil
}

func normalTargets(in []Target) ([]Target, error) {
	if len(in) == 0 {
		return nil, errcode.New(errcode.Invalid, "no target")
	}
	if len(in) > MaxTargets {
		return nil, errcode.New(errcode.Invalid, "targets: %d > %d", len(in), MaxTargets)
	}
	out := make([]Target, 0, len(in))
	for _, t := range in {
		if err := ValidName("target", t.Name); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o Target) bool { return o.Name == t.Name }) {
			return nil, errcode.New(errcode.Invalid, "target %q is given twice", t.Name)
		}
		if err := validConfigNames("target "+t.Name, t.Config); err != nil {
			return nil, err
		}
		if t.Weight > MaxInstances {
			return nil, errcode.New(errcode.Invalid, "target %q: weight %d > %d", t.Name, t.Weight, MaxInstances)
		}
		out = append(out, Target{Name: t.Name, Config: nonEmpty(t.Config), Weight: t.Weight})
	}
	return out, nil
}

func validConfigNames(who string, names []string) error {
	if len(names) > MaxConfigNames {
		return errcode.New(errcode.Invalid, "%s: configs: %d > %d", who, len(names), MaxConfigNames)
	}
	for _, n := range names {
		if err := ValidName("config", n); err != nil {
			return err
		}
	}
	return nil
}

func normalConfig(in Config) (*Config, error) {
	if err := ValidName("config", in.Name); err != nil {
		return nil, err
	}
	if len(in.Values) > MaxConfigEntries {
		return nil, errcode.New(errcode.Invalid, "config %q: entries: %d > %d", in.Name, len(in.Values), MaxConfigEntries)
	}
	size := 0
	for k, v := range in.Values {
		size += len(k) + len(v)
	}
	if size > MaxConfigBytes {
		return nil, errcode.New(errcode.Invalid, "config %q: bytes: %d > %d", in.Name, size, MaxConfigBytes)
	}
	if _, ok := in.Values[""]; ok {
		return nil, errcode.New(errcode.Invalid, "config %q: an entry has no key", in.Name)
	}
	c := &Config{Name: in.Name, Values: maps.Clone(in.Values), App: in.App}
	if c.Values == nil {
		c.Values = map[string]string{}
	}
	return c, nil
}

func normalComponent(in Component) (*Component, error) {
	who := "component " + in.Name
	if err := ValidName("component", in.Name); err != nil {
		return nil, err
	}
	if in.Image.Ref == "" && in.Image.Digest == "" {
		return nil, errcode.New(errcode.Invalid, "%s has no image", who)
	}
	if err := validWorkload(who, in.Image, in.Config, in.Instances, in.Spread); err != nil {
		return nil, err
	}
	switch in.Isolation {
	case "", IsolationFresh, IsolationReuse:
	default:
		return nil, errcode.New(errcode.Invalid, "%s: isolation %.80q, want %s or %s", who, in.Isolation, IsolationFresh, IsolationReuse)
	}
	if err := validGrants(who, in.Grants); err != nil {
		return nil, err
	}
	if len(in.Grants) == 0 {
		in.Grants = nil
	}
	in.Config, in.Spread, in.Revision = nonEmpty(in.Config), normalSpread(in.Spread), 0
	return &in, nil
}

func normalProvider(in Provider) (*Provider, error) {
	who := "provider " + in.Name
	if err := ValidName("provider", in.Name); err != nil {
		return nil, err
	}
	if (in.Technology == "") == (in.Image == Image{}) {
		return nil, errcode.New(errcode.Invalid, "%s: want a technology or an image, not both and not neither", who)
	}
	if in.Technology != "" {
		if err := ValidName("technology", in.Technology); err != nil {
			return nil, err
		}
	}
	if err := validWorkload(who, in.Image, in.Config, in.Instances, in.Spread); err != nil {
		return nil, err
	}
	in.Config, in.Spread, in.Revision = nonEmpty(in.Config), normalSpread(in.Spread), 0
	return &in, nil
}

func validWorkload(who string, image Image, configs []string, instances uint32, spread []Spread) error {
	if err := validText(who+": image", image.Ref, MaxTextBytes); err != nil {
		return err
	}
	if d := image.Digest; d != "" {
		hex, ok := strings.CutPrefix(d, "sha256:")
		if !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
			return errcode.New(errcode.Invalid, "%s: digest %.100q, want sha256: and 64 hex digits", who, d)
		}
	}
	if err := validConfigNames(who, configs); err != nil {
		return err
	}
	if instances > MaxInstances {
		return errcode.New(errcode.Invalid, "%s: instances: %d > %d", who, instances, MaxInstances)
	}
	if len(spread) > MaxSpreads {
		return errcode.New(errcode.Invalid, "%s: spread rules: %d > %d", who, len(spread), MaxSpreads)
	}
	for _, s := range spread {
		if err := validText(who+": spread rule", s.Name, MaxLabelBytes); err != nil {
			return err
		}
		if s.Weight > MaxInstances {
			return errcode.New(errcode.Invalid, "%s: spread rule %q: weight %d > %d", who, s.Name, s.Weight, MaxInstances)
		}
		if err := validLabels(who+": requirements", s.Requirements); err != nil {
			return err
		}
	}
	return nil
}

func normalSpread(in []Spread) []Spread {
	if len(in) == 0 {
		return nil
	}
	out := slices.Clone(in)
	for i := range out {
		if len(out[i].Requirements) == 0 {
			out[i].Requirements = nil
		}
	}
	return out
}

func normalApplication(in Application) (*Application, error) {
	if err := ValidName("application", in.Name); err != nil {
		return nil, err
	}
	who := "application " + in.Name
	if err := validText(who+": version", in.Version, MaxLabelBytes); err != nil {
		return nil, err
	}
	if err := validText(who+": description", in.Description, 4*MaxTextBytes); err != nil {
		return nil, err
	}
	if err := validLabels(who+": labels", in.Labels); err != nil {
		return nil, err
	}
	a := &Application{Name: in.Name, Version: in.Version, Description: in.Description}
	if len(in.Labels) > 0 {
		a.Labels = in.Labels
	}
	return a, nil
}

func validLabels(who string, labels map[string]string) error {
	if len(labels) > MaxLabels {
		return errcode.New(errcode.Invalid, "%s: %d > %d", who, len(labels), MaxLabels)
	}
	for _, k := range sortedKeys(labels) {
		if k == "" {
			return errcode.New(errcode.Invalid, "%s: an entry has no key", who)
		}
		if n := len(k) + len(labels[k]); n > MaxLabelBytes {
			return errcode.New(errcode.Invalid, "%s: entry %.20q…: bytes: %d > %d", who, k, n, MaxLabelBytes)
		}
	}
	return nil
}

func normalAssignment(in Assignment) (*Assignment, error) {
	if in.Kind != ComponentWorkload && in.Kind != ProviderWorkload {
		return nil, errcode.New(errcode.Invalid, "assign: kind %.80q, want %s or %s", in.Kind, ComponentWorkload, ProviderWorkload)
	}
	if err := ValidName(string(in.Kind), in.Name); err != nil {
		return nil, err
	}
	a := &Assignment{Kind: in.Kind, Name: in.Name, Hosts: slices.Clone(in.Hosts)}
	if len(a.Hosts) > MaxAssignedHosts {
		return nil, errcode.New(errcode.Invalid, "assign %s: hosts: %d > %d", a.Key(), len(a.Hosts), MaxAssignedHosts)
	}
	slices.SortFunc(a.Hosts, func(x, y Placed) int { return cmp.Compare(x.Host, y.Host) })
	for i, p := range a.Hosts {
		if err := ValidName("host", p.Host); err != nil {
			return nil, err
		}
		if i > 0 && a.Hosts[i-1].Host == p.Host {
			return nil, errcode.New(errcode.Invalid, "assign %s: host %s is given twice", a.Key(), p.Host)
		}
		if p.Count == 0 || p.Count > MaxInstances {
			return nil, errcode.New(errcode.Invalid, "assign %s: count %d on host %s, want 1 to %d", a.Key(), p.Count, p.Host, MaxInstances)
		}
	}
	return a, nil
}

// nonEmpty returns nil for an empty list, so that equal records are equal.
func nonEmpty(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	return s
}
