package deployment

import (
	"fmt"
	"os"
	"path/filepath"

	"latticework/internal/errcode"
	"latticework/internal/grant"
	"latticework/internal/manifest"
	"latticework/lattice/linkstate"
)

// granted makes the records of what each component is granted: folders become
// absolute, from the manifest's folder, and variables that are passed through
// get the values that they have here.
//
// Errors: errcode.NotFound for a variable that is not set.
func granted(cfg Config, app *manifest.Application) ([][]linkstate.Grant, error) {
	all := make([][]linkstate.Grant, len(app.Components))
	file, err := manifest.Find(cfg.Path)
	if err != nil {
		return nil, err
	}
	folder, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, errcode.New(errcode.Unavailable, "find the manifest's folder: %w", err)
	}
	for i := range app.Components {
		for _, g := range app.Components[i].Grants {
			from := fmt.Sprintf("%s:%d", filepath.Base(file), g.Position.Line)
			text, err := settled(g, folder)
			if err != nil {
				return nil, errcode.New(errcode.Of(err), "component %q, %s: %w", app.Components[i].Name, from, err).WithNext("%s", errcode.NextOf(err))
			}
			all[i] = append(all[i], linkstate.Grant{Kind: string(g.Kind), Text: text, From: from})
		}
	}
	return all, nil
}

// settled returns a grant's text without what depends on where it is read.
func settled(g manifest.Grant, folder string) (string, error) {
	switch g.Kind {
	case grant.KindDir:
		d, err := grant.ParseDir(g.Text)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(d.Host) {
			d.Host = filepath.Join(folder, d.Host)
		}
		d.Host = filepath.Clean(d.Host)
		return d.String(), nil
	case grant.KindEnv:
		var s grant.Set
		if err := s.Add(grant.KindEnv, g.Text); err != nil {
			return "", err
		}
		if err := s.Inherit(os.LookupEnv); err != nil {
			return "", err
		}
		return s.Env[0].String(), nil
	}
	return g.Text, nil
}

// Dirs returns the folders that the plan's components are granted.
func (p *Plan) Dirs() []string {
	var out []string
	for i := range p.Deploy.Components {
		for _, g := range p.Deploy.Components[i].Grants {
			if d, err := grant.ParseDir(g.Text); err == nil && g.Kind == string(grant.KindDir) {
				out = append(out, d.Host)
			}
		}
	}
	return out
}
