//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// roles are what this program does as a child of itself: the clients, in processes of their own.
var roles = map[string]func(args []string) error{
	"idle-client": idleClient,
	"probe":       probe,
	"handshakes":  handshakes,
}

// child is this program in one of its roles. It takes commands, one a line, and answers each with a line:
// a word and a number.
type child struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	lines *bufio.Reader
	log   *tail
}

// startChild starts this program again in a role.
func startChild(ctx context.Context, role string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self, append([]string{role}, args...)...), log: &tail{}}
	c.cmd.Stderr = c.log
	if c.input, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewReader(out)
	return c, c.cmd.Start()
}

// tell sends a command.
func (c *child) tell(command string) error {
	_, err := fmt.Fprintln(c.input, command)
	return err
}

// expect reads the child's next line, which must be the word and a number. It blocks until then; the
// child bounds its own work in time.
func (c *child) expect(word string) (float64, error) {
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("the client ended before %q: %s", word, c.log)
	}
	name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	if name != word {
		return 0, fmt.Errorf("the client said %q instead of %q", line, word)
	}
	return strconv.ParseFloat(value, 64)
}

// stop closes the child's input, which ends it, and waits.
func (c *child) stop() {
	_ = c.input.Close()
	ended := time.AfterFunc(stopTimeout, func() { _ = c.cmd.Process.Kill() })
	defer ended.Stop()
	_ = c.cmd.Wait()
}

// group is a set of children that act together.
type group []*child

func (g group) stop() {
	for _, c := range g {
		c.stop()
	}
}

// expectAll sends a command to each child, if there is one to send; their answers must add up to want.
func (g group) expectAll(command, word string, want int) error {
	if command != "" {
		for _, c := range g {
			if err := c.tell(command); err != nil {
				return err
			}
		}
	}
	sum := 0
	for _, c := range g {
		n, err := c.expect(word)
		if err != nil {
			return err
		}
		sum += int(n)
	}
	if sum != want {
		return fmt.Errorf("%d of %d connections %s: %s", sum, want, word, g[0].log)
	}
	return nil
}
