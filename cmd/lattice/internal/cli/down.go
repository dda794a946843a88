package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"latticework/cmd/lattice/internal/datafolder"
)

// downBudget is longer than the default of up's --drain.
const downBudget = 45 * time.Second

func (a *app) downCommand() *cobra.Command {
	return &cobra.Command{
		Use: "down", Short: "Stop the lattice or host of a data folder",
		Long: "Stop what `lattice up` or `lattice host` runs on a data folder of this machine,\nas Ctrl-C would: what was accepted is finished first. The data stays. Without\n--data and --lattice it is the one that was started last.",
		Example: `  lattice down
  lattice down --lattice staging
  lattice down --data /var/lib/lattice --timeout 10s`,
		Args: arguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := a.budget(cmd.Context(), downBudget)
			defer cancel()
			folder := a.dataFolder()
			if a.flags.data == "" && a.flags.lattice == "" {
				if last, ok := datafolder.Last(); ok {
					folder = last.Data
				}
			}
			r, err := datafolder.Stop(ctx, folder)
			if err != nil {
				return err
			}
			out := struct {
				Stopped string `json:"stopped"`
				PID     int    `json:"pid"`
				Data    string `json:"data"`
			}{r.NATS, r.PID, folder}
			return a.print(out, func(w io.Writer) { _, _ = fmt.Fprintf(w, "stopped %s (data in %s)\n", r.NATS, folder) })
		},
	}
}
