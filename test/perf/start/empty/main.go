// Command empty writes a line: how long Go itself takes to start.
package main

import "os"

func main() { os.Stdout.WriteString("empty\n") }
