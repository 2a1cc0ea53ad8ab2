package worker

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sae/data"
	"sae/wasm/protocol"
)

// crew is a Team whose workers are goroutines.
type crew struct {
	mu        sync.Mutex
	first     *Worker
	ports     *ports      // of the first
	members   []*mate     // of ranks 1, 2, …
	lost      string      // why one of them has ended
	started   int         // number of members started so far
	unready   bool        // whether new members do not become ready
	received  int         // number of receptions by the first
	onReceive func(n int) // called before the first's nth reception; may be nil
	held      atomic.Bool // whether the first receives nothing while it exports a model
}

// mate is a worker of a crew other than the first, and its own team.
type mate struct {
	*Worker
	alone
	crew        *crew
	ready, dead bool
	ports       *ports
	rank        int
}

// ports connect the members of a team.
type ports struct {
	mu      sync.Mutex
	queues  [maxTeam][maxTeam][][]byte // by sender and receiver
	workers []*Worker                  // by rank
}

func (p *ports) send(from, to int, data []byte) {
	p.mu.Lock()
	p.queues[from][to] = append(p.queues[from][to], slices.Clone(data))
	p.mu.Unlock()
	p.workers[to].Wake()
}

func (p *ports) receive(from, to int, data []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	queue := &p.queues[from][to]
	if len(*queue) == 0 {
		return false
	}
	if len((*queue)[0]) != len(data) {
		panic("a message of another length than expected")
	}
	copy(data, (*queue)[0])
	*queue = (*queue)[1:]
	return true
}

// newCrewPage returns a page whose worker can have a team.
func newCrewPage(t *testing.T) (*page, *crew) {
	c := &crew{}
	p := newPlatformPage(t, func(platform *Platform) {
		platform.Kernel = "test" // "go" would allow no teams
		platform.Cores = maxTeam
		platform.Team = c
	})
	c.first = p.worker
	return p, c
}

func (c *crew) Recruit(n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost != "" {
		c.dismiss(0)
		c.lost = ""
	}
	c.dismiss(n)
	for len(c.members) < n {
		m := &mate{crew: c, ready: !c.unready, rank: len(c.members) + 1}
		page := pageFunc(func(reply protocol.Message) {
			if reply.Error != "" && m.alive() {
				c.lose(reply.Error)
			}
		})
		m.Worker = New(Platform{Page: page, Team: m, Graphics: noGraphics{}, Kernel: "test"})
		go m.Run()
		c.members = append(c.members, m)
		c.started++
	}
	return nil
}

func (c *crew) Recruited() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.ContainsFunc(c.members, func(m *mate) bool { return !m.ready })
}

func (c *crew) Lost() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}

func (c *crew) Connect(any) {}

func (c *crew) Send(to int, data []byte) { c.ports.send(0, to, data) }

func (c *crew) Receive(from int, data []byte) bool {
	if c.onReceive != nil {
		c.received++
		c.onReceive(c.received)
	}
	return c.Lost() == "" && !(c.held.Load() && c.first.exporting) && c.ports.receive(from, 0, data)
}

func (m *mate) alive() bool {
	m.crew.mu.Lock()
	defer m.crew.mu.Unlock()
	return !m.dead
}

func (m *mate) Connect(p any) { m.ports = p.(*ports) }

func (m *mate) Send(to int, data []byte) {
	if m.alive() {
		m.ports.send(m.rank, to, data)
	}
}

func (m *mate) Receive(from int, data []byte) bool {
	return m.alive() && m.ports.receive(from, m.rank, data)
}

func (c *crew) dismiss(n int) {
	for len(c.members) > n {
		c.members[len(c.members)-1].dead = true
		c.members = c.members[:len(c.members)-1]
	}
}

func (c *crew) Assemble(join protocol.Join) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ports = &ports{workers: []*Worker{c.first}}
	for _, m := range c.members {
		if !m.ready {
			panic("a member that is not ready joins")
		}
		c.ports.workers = append(c.ports.workers, m.Worker)
	}
	for _, m := range c.members {
		join.Rank = m.rank
		message := protocol.New(protocol.TypeJoin, join)
		message.Ports = c.ports
		m.Deliver(message)
	}
}

// lose ends a member.
func (c *crew) lose(reason string) {
	c.mu.Lock()
	if c.lost = reason; len(c.members) > 0 {
		c.members[0].dead = true
	}
	c.mu.Unlock()
	c.first.Wake()
}

// getReady makes all members ready.
func (c *crew) getReady() {
	c.mu.Lock()
	for _, m := range c.members {
		m.ready = true
	}
	c.unready = false
	c.mu.Unlock()
	c.first.Wake()
}

// of returns changes of the settings for a team of the given size, with layers that the
// members share and small ones that they do not, and three batches per epoch.
func of(team int, changes map[string]string) map[string]string {
	all := map[string]string{"workers": fmt.Sprint(team), "hidden": "32,2100", "batch": "16", "subset": "40", "epochs": "1"}
	for name, value := range changes {
		all[name] = value
	}
	return all
}

// answered waits for the replies to the commands, in any order, and returns them.
func (p *page) answered(ids []int) map[int]protocol.Message {
	p.t.Helper()
	replies := map[int]protocol.Message{}
	for len(replies) < len(ids) {
		select {
		case reply := <-p.replies:
			if slices.Contains(ids, reply.ID) {
				replies[reply.ID] = reply
			}
		case <-time.After(time.Minute):
			p.t.Fatalf("%d replies to the commands %v", len(replies), ids)
		}
	}
	return replies
}

// harmless returns commands that a user may give at any time and that do not change the
// result.
func harmless() []protocol.Message {
	image := picture(make([]byte, data.ImageSize))
	var many []int
	for i := range 200 { // more than an evaluation batch
		many = append(many, i%50)
	}
	return []protocol.Message{
		protocol.New(protocol.TypePing, nil),
		protocol.New(protocol.TypeWatch, protocol.Watch{Images: many}),
		protocol.New(protocol.TypeExport, protocol.Export{Format: "checkpoint"}),
		protocol.New(protocol.TypeReconstruct, image),
		protocol.New(protocol.TypeEncode, image),
		protocol.New(protocol.TypeDecode, protocol.Codes{Codes: make([]float32, 8)}),
		protocol.New(protocol.TypeUnusual, image),
		protocol.New(protocol.TypeUnit, protocol.Unit{Unit: 1}),
		protocol.New(protocol.TypeMap, nil),
		protocol.New(protocol.TypePause, nil),
	}
}

// Commands are answered while a team trains, and do not change the result.
func TestCommandsToATeam(t *testing.T) {
	for _, team := range []int{2, 4} {
		train := func(disturb bool) []protocol.Epoch {
			p, c := newCrewPage(t)
			p.start(of(team, map[string]string{"epochs": "3"}))
			var ids []int
			next := 0
			c.onReceive = func(n int) {
				if all := harmless(); disturb && n%3 == 0 && next < 2*len(all) { // commands cause more receptions
					ids = append(ids, p.send(all[next%len(all)]), p.send(protocol.New(protocol.TypePlay, nil)))
					next++
				}
			}
			p.must(protocol.TypePlay, nil)
			frame, epochs, _ := p.until(func(f protocol.Frame) bool {
				return isDone(f) && (!disturb || f.Samples != nil && len(f.Samples.Images) == 200)
			})
			if frame.Workers != team || c.started != team-1 {
				t.Errorf("%d workers of %d that were started train, want %d", frame.Workers, c.started+1, team)
			}
			if disturb && next < len(harmless()) {
				t.Errorf("%d commands were given, want each at least once", next)
			}
			for _, reply := range p.answered(ids) {
				if reply.Error != "" && !strings.Contains(reply.Error, "the run is done") {
					t.Errorf("team of %d: %s", team, reply.Error)
				}
			}
			return epochs
		}
		if got, want := train(true), train(false); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("a team of %d that is disturbed learns\n%v, want\n%v", team, got, want)
		}
	}
}

// While a model is exported, pings are answered and a pause is accepted. Commands that
// change the model wait.
func TestCommandsWhileExporting(t *testing.T) {
	p, c := newCrewPage(t)
	waits := 0
	c.onReceive = func(int) {
		if m, ok := c.first.peek(); ok && m.Type == protocol.TypeConfigure {
			if waits++; waits == 2 { // the worker has attended to the commands
				c.held.Store(false)
			}
			c.first.Wake()
		}
	}
	p.start(of(2, nil))
	p.must(protocol.TypeStep, nil)
	c.held.Store(true)
	export := p.send(protocol.New(protocol.TypeExport, protocol.Export{Format: "checkpoint"}))
	p.must(protocol.TypePing, nil)
	p.must(protocol.TypePause, nil)
	configure := p.send(protocol.New(protocol.TypeConfigure, protocol.Configure{Run: 2, Settings: settings(t, nil)}))
	replies := p.answered([]int{export, configure})
	if reply := replies[export]; reply.Error != "" || reply.File == nil {
		t.Errorf("the export ends with %q", reply.Error)
	}
	if reply := replies[configure]; reply.Error != "" {
		t.Error(reply.Error)
	}
}

// Whenever a member is lost, the run ends with an error, all commands are answered, and the
// next run trains.
func TestMemberIsLost(t *testing.T) {
	for _, team := range []int{2, 4} {
		p, c := newCrewPage(t)
		p.must(protocol.TypeKeep, protocol.Keep{Slot: "slot"})
		p.start(of(team, nil))
		for n := 1; n <= 20; n += team / 2 {
			p.must(protocol.TypeConfigure, protocol.Configure{Run: n, Settings: settings(t, of(team, nil))})
			var ids []int
			c.received = 0
			c.onReceive = func(received int) {
				if received != n {
					return
				}
				all := harmless()
				ids = append(ids, p.send(all[n%len(all)]), p.send(protocol.New(protocol.TypeStep, nil)))
				p.worker.Deliver(protocol.New(protocol.TypeSave, nil))
				c.lose("struck by lightning")
			}
			p.must(protocol.TypePlay, nil)
			frame, _, _ := p.until(func(f protocol.Frame) bool {
				return f.Run == n && (isDone(f) || f.Status == protocol.StatusError)
			})
			if isDone(frame) {
				t.Fatalf("a team of %d is done before reception %d", team, n)
			}
			if !strings.Contains(frame.Failure, "a worker of the team was lost, and its part of the model with it: struck by lightning") {
				t.Errorf("failure %q", frame.Failure)
			}
			p.answered(ids)
			if reply := p.do(protocol.TypeExport, protocol.Export{Format: "checkpoint"}); !strings.Contains(reply.Error, "was lost") {
				t.Errorf("export of a lost model: %q", reply.Error)
			}
		}
	}
}

// A run that diverges ends, with a team of any size, and the next one trains.
func TestTeamDiverges(t *testing.T) {
	for _, team := range []int{1, 2, 4} {
		p, _ := newCrewPage(t)
		p.start(of(team, map[string]string{"lr": "10", "epochs": "100"}))
		p.must(protocol.TypePlay, nil)
		frame, _, _ := p.until(func(f protocol.Frame) bool { return f.Status == protocol.StatusError })
		if !frame.Diverged || !strings.Contains(frame.Failure, "the learning rate 10 is too high") {
			t.Errorf("team of %d: failure %q, diverged %v", team, frame.Failure, frame.Diverged)
		}
		if reply := p.do(protocol.TypeExport, protocol.Export{Format: "checkpoint"}); reply.Error == "" {
			t.Errorf("team of %d: a diverged model is exported", team)
		}
		p.must(protocol.TypeConfigure, protocol.Configure{Run: 2, Settings: settings(t, of(team, nil))})
		p.must(protocol.TypePlay, nil)
		p.until(func(f protocol.Frame) bool { return f.Run == 2 && isDone(f) })
	}
}

// Commands are answered while a team is recruited. Only workers that are ready join it.
func TestRecruiting(t *testing.T) {
	p, c := newCrewPage(t)
	c.unready = true
	p.start(of(4, nil))
	p.until(func(f protocol.Frame) bool { return f.Initial != nil })
	p.must(protocol.TypePlay, nil)
	p.must(protocol.TypePause, nil)
	p.must(protocol.TypePing, nil)
	c.getReady()
	p.must(protocol.TypePlay, nil)
	if frame, _, _ := p.until(isDone); frame.Workers != 4 {
		t.Errorf("%d workers, want 4", frame.Workers)
	}

	// Another run replaces one whose team is not ready.
	c.mu.Lock()
	c.dismiss(0)
	c.unready = true
	c.mu.Unlock()
	p.must(protocol.TypeConfigure, protocol.Configure{Run: 2, Settings: settings(t, of(4, nil))})
	p.must(protocol.TypePlay, nil)
	p.must(protocol.TypeConfigure, protocol.Configure{Run: 3, Settings: settings(t, of(2, nil))})
	p.must(protocol.TypePlay, nil)
	c.getReady()
	if frame, _, _ := p.until(func(f protocol.Frame) bool { return f.Run == 3 && isDone(f) }); frame.Workers != 2 {
		t.Errorf("%d workers, want 2", frame.Workers)
	}
}

// If workers cannot be started, the run trains alone.
func TestNoTeam(t *testing.T) {
	p, c := newCrewPage(t)
	c.unready = true
	p.start(of(2, nil))
	p.must(protocol.TypePlay, nil)
	for c.recruited() == 0 {
		p.must(protocol.TypePing, nil)
	}
	c.lose("struck by lightning")
	if frame, _, _ := p.until(isDone); frame.Workers != 1 {
		t.Errorf("%d workers, want 1", frame.Workers)
	}
	if n := c.recruited(); n != 0 {
		t.Errorf("%d members are left", n)
	}
}

func (c *crew) recruited() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.members)
}
