package main

import (
	"cmp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/otelcoder/otelcoder/meters"
)

// TestBuild checks that a stopped workspace has no agents but is still listed.
func TestBuild(t *testing.T) {
	s := newStore(2)
	p := &provisioner{store: s, queue: make(chan buildJob, 1)}
	const id = "dev.ada"
	agents := func() int {
		rows, err := s.Agents(t.Context())
		if err != nil || len(rows) != 2 {
			t.Fatalf("got %d workspaces and the error %v, want 2", len(rows), err)
		}
		return len(rows[0].Agents)
	}
	for _, step := range []struct {
		action meters.BuildAction
		status meters.JobStatus
		agents int
	}{
		{meters.BuildStop, meters.JobSucceeded, 0},
		{meters.BuildStart, meters.JobFailed, 0},
		{meters.BuildStart, meters.JobCanceled, 0},
		{meters.BuildStart, meters.JobSucceeded, 2},
		{meters.BuildDestroy, meters.JobSucceeded, 0},
	} {
		queued, err := p.enqueue(id, step.action)
		if err != nil || queued.Status != meters.JobPending {
			t.Fatalf("enqueue: got the status %s and the error %v, want %s", queued.Status, err, meters.JobPending)
		}
		if _, err := p.enqueue(id, step.action); err != errBusy {
			t.Errorf("enqueue of a second build of a workspace: got %v, want %v", err, errBusy)
		}
		if _, err := p.enqueue("api.ada", step.action); err != errQueueFull {
			t.Errorf("enqueue with a full queue: got %v, want %v", err, errQueueFull)
		}
		job := <-p.queue
		if job.measured.Action != step.action || job.measured.OwnerEmail != "ada@example.com" ||
			job.measured.WorkspaceName != "dev" || job.measured.TemplateName != "docker" || job.measured.TemplateVersion != "v1" {
			t.Errorf("the job is measured as %+v, want %s of dev.ada", job.measured, step.action)
		}
		s.setStatus(job, step.status)
		if got := agents(); got != step.agents {
			t.Errorf("%d agents after %s %s, want %d", got, step.action, step.status, step.agents)
		}
	}
	if _, err := p.enqueue("nobody", meters.BuildStart); err != errNotFound {
		t.Errorf("enqueue without such a workspace: got %v, want %v", err, errNotFound)
	}
}

// TestNextBuild checks that nextBuild returns each workspace but the first one, and none
// whose build has not ended.
func TestNextBuild(t *testing.T) {
	s := newStore(4)
	var order []string
	for {
		job, ok := s.nextBuild()
		if !ok {
			break
		}
		order = append(order, job.workspace.ID)
	}
	if want := []string{"dev.bela", "api.ada", "api.bela"}; !slices.Equal(order, want) {
		t.Errorf("builds %v, want %v", order, want)
	}
}

func TestInsights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(5) // workspaces of ada and bela; dev.ada and web.ada have different templates
		use := func() {
			s.report("main.dev.ada", s.agentConnected("main.dev.ada"), agentReport{
				Stats: meters.AgentStats{Connections: 1, SessionsSSH: 3},
			})
			s.report("main.dev.bela", s.agentConnected("main.dev.bela"), agentReport{
				Stats: meters.AgentStats{Connections: 0, SessionsSSH: 1}, // does not count as use without a connection
			})
			if err := s.openApp("dev.ada", "docs"); err != nil {
				t.Fatal(err)
			}
		}
		use()
		use() // in the same minute
		time.Sleep(time.Minute)
		use()

		insights := func() meters.Insights {
			i, err := s.Insights(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(i.Applications, func(a, b meters.ApplicationUsage) int { return cmp.Compare(a.Application, b.Application) })
			return i
		}
		i := insights()
		if want := []meters.TemplateUsers{{Template: "docker", Users: 1}}; !slices.Equal(i.ActiveUsers, want) {
			t.Errorf("active users %v, want %v", i.ActiveUsers, want)
		}
		want := []meters.ApplicationUsage{
			{Template: "docker", Application: "Documentation", Slug: "docs", Seconds: 120},
			{Template: "docker", Application: "JetBrains"},
			{Template: "docker", Application: "SSH", Seconds: 120},
			{Template: "docker", Application: "Visual Studio Code"},
			{Template: "docker", Application: "Web Terminal"},
		}
		if !slices.Equal(i.Applications, want) {
			t.Errorf("applications %v, want %v", i.Applications, want)
		}
		if got := len(i.Parameters); got != 6 { // kubernetes has two
			t.Errorf("%d parameters, want 6", got)
		}

		time.Sleep(10 * time.Minute)
		if i := insights(); i.ActiveUsers != nil || i.Applications != nil || i.Parameters != nil || len(s.usage) != 0 {
			t.Errorf("after ten minutes: got %v, want nothing", i)
		}
	})
}

func TestActiveUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(48) // 16 users, last seen 0, 5, ... 75 minutes ago
		for _, want := range []int{12, 11} {
			if got, _ := s.ActiveUsers(t.Context()); got != want {
				t.Errorf("%d active users, want %d", got, want)
			}
			time.Sleep(5 * time.Minute)
		}
	})
}

// TestAgentStats checks that bytes are summed since the previous collection, and that all
// other statistics are those of the newest report.
func TestAgentStats(t *testing.T) {
	s := newStore(2)
	c := s.agentConnected("main.dev.ada")
	s.report("main.dev.ada", c, agentReport{Stats: meters.AgentStats{RxBytes: 10, TxBytes: 1, Connections: 5}})
	s.report("main.dev.ada", c, agentReport{Stats: meters.AgentStats{RxBytes: 20, TxBytes: -7, Connections: 4, Username: "root"}})
	want := []meters.AgentStats{{AgentName: "main", Username: "ada", Workspace: "dev", RxBytes: 30, TxBytes: 1, Connections: 4}}
	if got, _ := s.AgentStats(t.Context()); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, _ := s.AgentStats(t.Context()); len(got) != 0 {
		t.Errorf("without a new report: got %+v, want none", got)
	}
}
