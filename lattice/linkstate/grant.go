package linkstate

import "latticework/internal/errcode"

// Grant is one thing outside of a component that it may reach, in the grammar
// that manifests are written in. Hosts read it; link state bounds its size.
type Grant struct {
	Kind string `json:"kind"` // "dir", "env", "net" or "arg"
	Text string `json:"text"`
	From string `json:"from,omitempty"` // where its author wrote it, such as lattice.yaml:17
}

func validGrants(who string, grants []Grant) error {
	if len(grants) > MaxGrants {
		return errcode.New(errcode.Invalid, "%s: grants: %d > %d", who, len(grants), MaxGrants)
	}
	for _, g := range grants {
		switch g.Kind {
		case "dir", "env", "net", "arg":
		default:
			return errcode.New(errcode.Invalid, "%s: grant of kind %.80q, want dir, env, net or arg", who, g.Kind)
		}
		if err := validText(who+": grant", g.Text, MaxGrantBytes); err != nil {
			return err
		}
		if err := validText(who+": origin of a grant", g.From, MaxTextBytes); err != nil {
			return err
		}
	}
	return nil
}
