// Command goprogram does what programs do: it reads arguments, environment and
// standard input, lists, reads and writes files, waits, and exits with a code.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

func main() {
	fmt.Println(os.Args[1:], os.Getenv("NAME"))
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Printf("line %q\n", lines.Text())
	}
	if err := files("/data"); err != nil {
		fmt.Println("files:", err)
		os.Exit(4)
	}
	if _, err := os.ReadFile("/etc/passwd"); err == nil {
		os.Exit(5)
	}
	var group sync.WaitGroup
	begin := time.Now()
	for i := range 3 {
		group.Go(func() { time.Sleep(time.Duration(i+1) * 5 * time.Millisecond) })
	}
	group.Wait()
	fmt.Println("waited:", time.Since(begin) >= 15*time.Millisecond)
	fmt.Fprintln(os.Stderr, "done")
	os.Exit(3)
}

func files(dir string) error {
	sub := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		return err
	}
	for i := range 100 {
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), fmt.Append(nil, i*i), 0o644); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(filepath.Join(sub, "7"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString("+"); err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(sub, "7"), filepath.Join(dir, "seven")); err != nil {
		return err
	}
	if err := os.Symlink("seven", filepath.Join(dir, "link")); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, "link"))
	if err != nil {
		return err
	}
	count, size := 0, int64(0)
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().IsRegular() {
			count, size = count+1, size+info.Size()
		}
		return err
	})
	fmt.Println("files:", count, size, string(b))
	return errors.Join(err, os.RemoveAll(filepath.Join(dir, "a")))
}
