package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"latticework/components/compose"
	"latticework/internal/errcode"
)

func (a *app) composeCommand() *cobra.Command {
	var plugs []string
	var out string
	cmd := &cobra.Command{
		Use: "compose FILE --plug FILE -o FILE", Short: "Plug components into the imports of another",
		Long: `Plug components into the imports of another, and write the result as a component.

What a plug exports goes into the import of the same name, or of a version that
may stand for it. The result exports what the first component exports, and
imports what is left: interfaces that several of them import are imported once.
A plug serves only the first component; for a chain, compose twice.`,
		Example: `  lattice compose shop.wasm --plug cart.wasm --plug taxes.wasm -o whole.wasm
  lattice inspect whole.wasm`,
		Args: arguments(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := composeFiles(args[0], plugs)
			if err != nil {
				return err
			}
			if err := writeComponent(out, data); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Out, "%s: component, %d bytes\n", out, len(data))
			return err
		},
	}
	cmd.Flags().StringArrayVar(&plugs, "plug", nil, "component whose exports are used; may be repeated")
	// This -o takes the place of the one for text or json.
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write")
	return cmd
}

func composeFiles(socket string, plugs []string) ([]byte, error) {
	if len(plugs) == 0 {
		return nil, errcode.New(errcode.Invalid, "flag --plug: a component to plug is missing").WithNext("add --plug FILE")
	}
	parts := make([]compose.Part, 0, 1+len(plugs))
	for _, file := range append([]string{socket}, plugs...) {
		data, err := readFile(file)
		if err != nil {
			return nil, err
		}
		parts = append(parts, compose.Part{Name: file, Data: data})
	}
	return compose.PlugParts(parts[0], parts[1:]...)
}

// writeComponent writes a file that is whole or not there.
func writeComponent(file string, data []byte) error {
	if file == "" {
		return errcode.New(errcode.Invalid, "flag --output: the file to write is missing").WithNext("add -o FILE")
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err == nil {
		_, err = f.Write(data)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = os.Chmod(f.Name(), 0o644)
		}
		if err == nil {
			err = os.Rename(f.Name(), file)
		}
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}
	if err != nil {
		return errcode.New(errcode.Denied, "write %s: %w", file, err).WithNext("name a file in a folder that you may write to")
	}
	return nil
}
