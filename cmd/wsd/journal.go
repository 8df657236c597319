package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/calandria-go/calandria/protocols/websocket"
	"github.com/calandria-go/calandria/protocols/websocket/hub"
)

const (
	// journalQueue is how many messages may wait for the disk; what is beyond is not kept over a restart.
	journalQueue = 4096
	// journalMax is the size at which the file is written anew, with what the rooms still keep.
	journalMax = 16 << 20
	// journalLine bounds a line that is read.
	journalLine = 256 << 10
)

// journal keeps the history in a file, one JSON object a line: first the hub's epoch, then the messages. A goroutine writes it, so
// nobody waits for the disk; SIGKILL loses what is on its way there.
type journal struct {
	name  string
	hub   *hub.Hub
	log   *slog.Logger
	file  *os.File
	size  int64
	queue chan entry
	wg    sync.WaitGroup

	mu     sync.Mutex // over what puts into queue, and its end
	closed bool
}

// entry is a line.
type entry struct {
	Epoch string          `json:"epoch,omitempty"`
	Room  string          `json:"room,omitempty"`
	Seq   uint64          `json:"seq,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// openJournal restores the hub from a file, and writes it anew with what was worth keeping. The hub must not be in use yet.
func openJournal(name string, h *hub.Hub, log *slog.Logger) (*journal, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, err
	}
	epoch, rooms, err := readJournal(name)
	if err != nil {
		return nil, err
	}
	if epoch != "" {
		if err := h.Restore(epoch, rooms); err != nil {
			return nil, err
		}
	}
	j := &journal{name: name, hub: h, log: log, queue: make(chan entry, journalQueue)}
	if err := j.rewrite(); err != nil {
		return nil, err
	}
	j.wg.Go(j.run)
	return j, nil
}

// readJournal reads a file, if it is there. A line that is none ends what is believed: the last one may have been cut.
func readJournal(name string) (epoch string, rooms map[string][]hub.Message, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	rooms = map[string][]hub.Message{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, journalLine)
	for lines.Scan() {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			break
		}
		switch {
		case e.Epoch != "":
			epoch = e.Epoch
		case roomName.MatchString(e.Room) && json.Valid(e.Data):
			all := append(rooms[e.Room], hub.Message{Topic: e.Room, Seq: e.Seq, Op: websocket.Text, Data: e.Data})
			rooms[e.Room] = all[max(0, len(all)-roomHistory):]
		}
	}
	return epoch, rooms, lines.Err()
}

// add queues a message.
func (j *journal) add(m hub.Message) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	select {
	case j.queue <- entry{Room: m.Topic, Seq: m.Seq, Data: m.Data}:
	default:
		j.log.Warn("history: the disk is too slow", "room", m.Topic, "seq", m.Seq)
	}
}

// close writes what is queued; what is added later is not kept. The hub must still be open, as the file may have to be written anew.
func (j *journal) close() {
	j.mu.Lock()
	j.closed = true
	close(j.queue)
	j.mu.Unlock()
	j.wg.Wait()
	j.file.Close()
}

// run writes what is queued, one write for all that is there.
func (j *journal) run() {
	var b []byte
	for e := range j.queue {
		b = appendEntry(b[:0], e)
		for len(j.queue) > 0 && len(b) < 1<<20 {
			b = appendEntry(b, <-j.queue)
		}
		n, err := j.file.Write(b)
		if j.size += int64(n); err != nil {
			j.log.Error("history", "err", err)
			continue
		}
		if j.size > journalMax {
			if err := j.rewrite(); err != nil {
				j.log.Error("history", "err", err)
				j.size = 0 // the old file goes on growing: not at every write
			}
		}
	}
}

func appendEntry(b []byte, e entry) []byte {
	line, err := json.Marshal(e)
	if err != nil {
		return b
	}
	return append(append(b, line...), '\n')
}

// rewrite replaces the file by one with what the hub keeps.
func (j *journal) rewrite() error {
	b := appendEntry(nil, entry{Epoch: j.hub.Epoch()})
	for room := range j.hub.Topics() {
		for _, m := range j.hub.History(room) {
			if room != presenceTopic {
				b = appendEntry(b, entry{Room: room, Seq: m.Seq, Data: m.Data})
			}
		}
	}
	temp := j.name + ".new"
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = os.Rename(temp, j.name)
	}
	if err != nil {
		f.Close()
		os.Remove(temp)
		return err
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size = f, int64(len(b))
	return nil
}
