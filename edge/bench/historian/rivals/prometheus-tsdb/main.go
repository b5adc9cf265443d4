// A program around Prometheus's storage (package tsdb), for `millrace bench historian`: one request a line of JSON on standard input, one line of JSON
// back, with the time that the storage itself took, and behind it as many bytes of answer as the line says.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
)

// Times are ms; `Tags` are places of tags in their set.
type request struct {
	Op     string
	Folder string
	// How late a sample may come; 0: never behind a later one of its series.
	LateMs int64
	File   string
	Tags   []int
	FromMs int64
	ToMs   int64
	// Width of a bucket.
	WidthMs int64
}

type reply struct {
	Ns    int64  `json:"ns"`
	Bytes int    `json:"bytes"`
	Value int64  `json:"value"`
	Error string `json:"error,omitempty"`
}

const (
	day     = 24 * 60 * 60 * 1000
	century = 100 * 365 * day
)

type server struct {
	db     *tsdb.DB
	folder string
	// Memory of the last answer, for the next one.
	room []byte
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	var s server
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		var asked request
		var answer []byte
		var value int64
		start := time.Now()
		if err == nil {
			err = json.Unmarshal(line, &asked)
		}
		if err == nil {
			start = time.Now()
			answer, value, err = s.do(asked)
		}
		told := reply{Ns: time.Since(start).Nanoseconds(), Bytes: len(answer), Value: value}
		if err != nil {
			told.Error = err.Error()
		}
		head, _ := json.Marshal(told)
		out.Write(append(head, '\n'))
		out.Write(answer)
		out.Flush()
	}
	if s.db != nil {
		s.db.Close()
	}
}

func (s *server) do(r request) ([]byte, int64, error) {
	switch r.Op {
	case "open":
		return nil, 0, s.open(r.Folder, r.LateMs)
	case "load":
		return nil, 0, s.load(r.File)
	case "flush":
		return nil, 0, s.flush()
	case "bytes":
		bytes, err := s.bytes()
		return nil, bytes, err
	case "points":
		var points int64
		err := s.each(r, nil, func(_ int, _ int64, _ float64) { points++ })
		return nil, points, err
	case "raw":
		answer := s.room[:0]
		err := s.each(r, r.Tags, func(_ int, t int64, v float64) {
			answer = binary.LittleEndian.AppendUint64(answer, math.Float64bits(float64(t)))
			answer = binary.LittleEndian.AppendUint64(answer, math.Float64bits(v))
		})
		s.room = answer
		return answer, 0, err
	case "charts":
		answer, err := s.charts(r)
		return answer, 0, err
	case "latest":
		answer, err := s.latest(r)
		return answer, 0, err
	}
	return nil, 0, fmt.Errorf("%q is no request", r.Op)
}

func (s *server) open(folder string, lateMs int64) error {
	options := tsdb.DefaultOptions()
	options.RetentionDuration = century
	// As the server makes it of a long retention: a month is not in hundreds of blocks.
	options.MaxBlockDuration = 31 * day
	options.OutOfOrderTimeWindow = lateMs
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	db, err := tsdb.Open(folder, logger, nil, options, nil)
	s.db, s.folder = db, folder
	return err
}

func labelsOf(tag int) labels.Labels {
	return labels.FromStrings("__name__", "bench", "tag", fmt.Sprintf("t%d", tag))
}

// Pieces as edge/bench/historian/columns-file.ts writes them; one commit a piece.
func (s *server) load(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	refs := map[uint32]storage.SeriesRef{}
	var head [8]byte
	var piece []byte
	for {
		if _, err := io.ReadFull(in, head[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		count := int(binary.LittleEndian.Uint32(head[:]))
		if cap(piece) < count*24 {
			piece = make([]byte, count*24)
		}
		piece = piece[:count*24]
		if _, err := io.ReadFull(in, piece); err != nil {
			return err
		}
		values, tags := piece[8*count:], piece[16*count:]
		appender := s.db.Appender(context.Background())
		for i := 0; i < count; i++ {
			tag := binary.LittleEndian.Uint32(tags[4*i:])
			ref, known := refs[tag]
			name := labels.EmptyLabels()
			if !known {
				name = labelsOf(int(tag))
			}
			timeMs := int64(binary.LittleEndian.Uint64(piece[8*i:]))
			value := math.Float64frombits(binary.LittleEndian.Uint64(values[8*i:]))
			ref, err := appender.Append(ref, name, timeMs, value)
			if err != nil {
				return err
			}
			refs[tag] = ref
		}
		if err := appender.Commit(); err != nil {
			return err
		}
	}
}

// All that is in memory becomes blocks on the disk.
func (s *server) flush() error {
	if err := s.db.Compact(context.Background()); err != nil {
		return err
	}
	if err := s.db.CompactOOOHead(context.Background()); err != nil {
		return err
	}
	head := s.db.Head()
	if head.NumSeries() == 0 || head.MinTime() > head.MaxTime() {
		return nil
	}
	return s.db.CompactHead(tsdb.NewRangeHead(head, head.MinTime(), head.MaxTime()))
}

// Bytes of the blocks; the log before them holds nothing that they do not have.
func (s *server) bytes() (int64, error) {
	var total int64
	for _, block := range s.db.Blocks() {
		err := filepath.Walk(block.Dir(), func(_ string, info os.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				total += info.Size()
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return total, nil
}

// Every sample of these tags (nil: of all) with FromMs <= time < ToMs, tag by tag in the order of their times. `visit` gets the place of the tag in `tags`.
func (s *server) each(r request, tags []int, visit func(place int, t int64, v float64)) error {
	querier, err := s.db.Querier(r.FromMs, r.ToMs-1)
	if err != nil {
		return err
	}
	defer querier.Close()
	if tags == nil {
		return eachOf(querier, labels.MustNewMatcher(labels.MatchEqual, "__name__", "bench"), func(t int64, v float64) { visit(0, t, v) }, nil)
	}
	for place, tag := range tags {
		matcher := labels.MustNewMatcher(labels.MatchEqual, "tag", fmt.Sprintf("t%d", tag))
		if err := eachOf(querier, matcher, func(t int64, v float64) { visit(place, t, v) }, nil); err != nil {
			return err
		}
	}
	return nil
}

// `next` is called behind the last sample of each series.
func eachOf(querier storage.Querier, matcher *labels.Matcher, visit func(t int64, v float64), next func()) error {
	found := querier.Select(context.Background(), false, nil, matcher)
	var samples chunkenc.Iterator
	for found.Next() {
		samples = found.At().Iterator(samples)
		for samples.Next() == chunkenc.ValFloat {
			visit(samples.At())
		}
		if err := samples.Err(); err != nil {
			return err
		}
		if next != nil {
			next()
		}
	}
	return found.Err()
}

// A bucket that has samples is eight doubles: place of the tag, beginning, count, mean, min, max, first, last.
type bucket struct {
	from                       int64
	count                      float64
	sum, min, max, first, last float64
}

func (s *server) charts(r request) ([]byte, error) {
	answer := s.room[:0]
	open := bucket{from: math.MinInt64}
	place := -1
	end := func() {
		if place < 0 || open.count == 0 {
			return
		}
		for _, v := range []float64{float64(place), float64(open.from), open.count, open.sum / open.count, open.min, open.max, open.first, open.last} {
			answer = binary.LittleEndian.AppendUint64(answer, math.Float64bits(v))
		}
	}
	err := s.each(r, r.Tags, func(tag int, t int64, v float64) {
		if tag != place || t >= open.from+r.WidthMs {
			end()
			place = tag
			open = bucket{from: t - (t-r.FromMs)%r.WidthMs, min: v, max: v, first: v}
		}
		open.count++
		open.sum += v
		open.min = math.Min(open.min, v)
		open.max = math.Max(open.max, v)
		open.last = v
	})
	end()
	s.room = answer
	return answer, err
}

// The last value of every series: its storage has no shorter way than through the samples.
func (s *server) latest(r request) ([]byte, error) {
	querier, err := s.db.Querier(r.FromMs, r.ToMs-1)
	if err != nil {
		return nil, err
	}
	defer querier.Close()
	answer := s.room[:0]
	var last float64
	err = eachOf(querier, labels.MustNewMatcher(labels.MatchEqual, "__name__", "bench"), func(_ int64, v float64) { last = v }, func() {
		answer = binary.LittleEndian.AppendUint64(answer, math.Float64bits(last))
	})
	s.room = answer
	return answer, err
}
