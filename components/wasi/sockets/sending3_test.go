//go:build linux || darwin

package sockets

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"latticework/components"
	"latticework/wit"
	"latticework/wit/abi"
)

// TestSendEnds checks each way in which a send to a peer that never reads
// comes to an end; nothing stays, which system3 sees to.
func TestSendEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(s *System3, k *tcpSocket3, g *guest, f abi.Future[outcome])
		want string
	}{
		{"instance", func(_ *System3, k *tcpSocket3, g *guest, f abi.Future[outcome]) {
			g.over(errors.New("the instance was released"))
			f.Close()
			k.Drop(context.Background())
		}, "other"},
		{"instance later", func(_ *System3, k *tcpSocket3, g *guest, f abi.Future[outcome]) {
			f.Close()
			k.Drop(context.Background())
			g.over(errors.New("the instance was released"))
		}, "other"},
		{"system", func(s *System3, _ *tcpSocket3, _ *guest, _ abi.Future[outcome]) { s.group.Close() }, "invalid-state"},
		{"nobody", func(_ *System3, k *tcpSocket3, g *guest, f abi.Future[outcome]) {
			g.over(io.EOF)
			f.Close()
			k.Drop(context.Background())
		}, "other"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := testCtx(t)
			s := system3(t, everything...)
			s.sys.linger = 10 * time.Millisecond
			client, _ := connected3(ctx, t, s, "127.0.0.1:0")
			g, f := fill(ctx, t, client)
			c.end(s, client, g, f)
			if got := outcome3(ctx, f); !strings.HasPrefix(got, c.want) {
				t.Errorf("outcome: %s", got)
			}
		})
	}
}

// TestSendOfSourceEnds has no guest that could end.
func TestSendOfSourceEnds(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	s.sys.linger = 10 * time.Millisecond
	client, _ := connected3(ctx, t, s, "127.0.0.1:0")
	f := send3(t, client, endless{})
	f.Close()
	client.Drop(ctx)
	if got := outcome3(ctx, f); got != "other" {
		t.Errorf("outcome: %s", got)
	}
}

// TestSendWithoutHolders goes on: a guest that writes holds what it writes to.
func TestSendWithoutHolders(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	s.sys.linger = 250 * time.Millisecond
	client, server := connected3(ctx, t, s, "127.0.0.1:0")
	g, f := fill(ctx, t, client)
	f.Close()
	client.Drop(ctx)
	timer := time.NewTimer(3 * s.sys.linger)
	defer timer.Stop()
	<-timer.C
	in, _ := receive3(t, server)
	go func() {
		defer g.over(io.EOF)
		select {
		case g.text <- "the end":
		case <-ctx.Done():
		}
	}()
	if got := readAll3(ctx, t, in); !strings.HasSuffix(got, "the end") {
		t.Errorf("%d bytes without the end", len(got))
	}
	if got := outcome3(ctx, f); got != "ok" {
		t.Errorf("outcome: %s", got)
	}
}

// TestSendLooksAtARealStream has what a runtime gives for a guest's stream:
// looking at it takes nothing out of order and loses nothing.
func TestSendLooksAtARealStream(t *testing.T) {
	ctx := testCtx(t)
	s := system3(t, everything...)
	client, server := connected3(ctx, t, s, "127.0.0.1:0")
	w, r := components.NewStream(&wit.Type{Kind: wit.KindU8})
	f := send3(t, client, r)
	var written bytes.Buffer
	write := func(ctx context.Context) error {
		chunk := bytes.Repeat([]byte{byte(written.Len() >> 10)}, 100_000)
		n, err := w.Write(ctx, chunk)
		written.Write(chunk[:n])
		return err
	}
	stuck := func() bool {
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		return write(short) != nil
	}
	for !stuck() {
	}
	f.Close()
	client.Drop(ctx)
	for range 3 {
		stuck()
	}
	in, _ := receive3(t, server)
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 10 {
			if err := write(ctx); err != nil {
				t.Errorf("write to a peer that reads: %v", err)
				return
			}
		}
		w.Close()
	})
	got := readAll3(ctx, t, in)
	wg.Wait()
	if got != written.String() {
		t.Errorf("%d bytes arrived, want %d, or they differ", len(got), written.Len())
	}
	if got := outcome3(ctx, f); got != "ok" {
		t.Errorf("outcome: %s", got)
	}
}
