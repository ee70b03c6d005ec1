package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcoder/otelcoder/meters"
)

// provisioner runs jobs: builds of workspaces and imports of templates. They are queued
// through the API, or invented while the queue is empty.
type provisioner struct {
	store  *store
	builds *meters.Builds
	jobs   *meters.Jobs
	queue  chan buildJob
	ran    atomic.Int64 // number of jobs
}

// run runs jobs, a few at a time, until ctx ends.
func (p *provisioner) run(ctx context.Context) {
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() { p.work(ctx) })
	}
	workers.Wait()
}

func (p *provisioner) work(ctx context.Context) {
	wait := time.Duration(0) // the first job starts at once
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case job := <-p.queue:
			p.build(ctx, job)
		case <-time.After(wait):
			if n%10 == 9 {
				p.importTemplate(ctx)
			} else if job, ok := p.store.nextBuild(); ok {
				p.build(ctx, job)
			}
		}
		wait = time.Second + rand.N(2*time.Second)
	}
}

// build runs a build. It measures it as a job with its duration, and as a build with its
// outcome.
func (p *provisioner) build(ctx context.Context, job buildJob) {
	runningJob, runningBuild := p.jobs.Start(meters.Terraform), p.builds.Start(job.measured)
	p.store.setStatus(job, meters.JobRunning)
	status := p.provision(ctx)
	if p.store.isBroken(job) {
		status = meters.JobFailed
	}
	if status == meters.JobCanceled {
		p.store.setStatus(job, meters.JobCanceling)
		pause(ctx, time.Second)
	}
	p.store.setStatus(job, status)
	runningBuild.End(outcome(status))
	runningJob.End(outcome(status))
}

func (p *provisioner) importTemplate(ctx context.Context) {
	running := p.jobs.Start(meters.Echo)
	status := p.provision(ctx)
	if status == meters.JobSucceeded {
		p.store.promoteVersion()
	}
	running.End(outcome(status))
}

// provision waits for as long as a job takes. Of 20 jobs two fail and one is canceled.
func (p *provisioner) provision(ctx context.Context) meters.JobStatus {
	duration := 50*time.Millisecond + rand.N(500*time.Millisecond)
	if rand.N(8) == 0 {
		duration += rand.N(4 * time.Second)
	}
	pause(ctx, duration)
	switch n := p.ran.Add(1) % 20; {
	case ctx.Err() != nil, n == 0:
		return meters.JobCanceled
	case n == 7, n == 13:
		return meters.JobFailed
	}
	return meters.JobSucceeded
}

// outcome returns the outcome of a job. A canceled job has failed.
func outcome(s meters.JobStatus) meters.Outcome {
	if s == meters.JobSucceeded {
		return meters.Succeeded
	}
	return meters.Failed
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// buildJob is a build that waits or runs.
type buildJob struct {
	workspace *workspace
	measured  meters.Build
}

// enqueue creates a pending build as the latest build of a workspace, and queues it.
func (p *provisioner) enqueue(workspaceID string, action meters.BuildAction) (build, error) {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	w, ok := p.store.workspaces.byID[workspaceID]
	switch {
	case !ok:
		return build{}, errNotFound
	case w.busy():
		return build{}, errBusy
	case len(p.queue) == cap(p.queue):
		return build{}, errQueueFull
	}
	p.queue <- newBuildJob(w, action) // does not block: only sent to while the store is locked
	return w.Latest, nil
}

// nextBuild creates a pending build for one workspace after the other. A stopped
// workspace is started; a running workspace is mostly updated, and sometimes stopped or
// deleted. The first workspace gets no builds, so that one always runs.
func (s *store) nextBuild() (buildJob, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range s.workspaces.rows[1:] {
		s.turn = s.turn%(len(s.workspaces.rows)-1) + 1
		w := s.workspaces.rows[s.turn]
		switch {
		case w.busy():
		case w.up():
			actions := []meters.BuildAction{meters.BuildStart, meters.BuildStart, meters.BuildStart, meters.BuildStop, meters.BuildDestroy}
			return newBuildJob(w, actions[rand.N(len(actions))]), true
		default:
			return newBuildJob(w, meters.BuildStart), true
		}
	}
	return buildJob{}, false
}

func newBuildJob(w *workspace, action meters.BuildAction) buildJob {
	w.Latest = newBuild(w, action)
	w.owner.LastSeen = w.Latest.Created
	return buildJob{w, meters.Build{
		Action:          action,
		OwnerEmail:      w.owner.Email,
		TemplateName:    w.Template,
		TemplateVersion: fmt.Sprintf("v%d", w.Latest.Version),
		WorkspaceName:   w.Name,
	}}
}

// isBroken reports whether the builds of a job's template fail.
func (s *store) isBroken(job buildJob) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return job.workspace.template.Broken
}

// setStatus records the status of a build. A deleted workspace remains in the store, as
// a new stopped workspace with the same name.
func (s *store) setStatus(job buildJob, status meters.JobStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	job.workspace.Latest.Status = status
}

// promoteVersion activates the next of the five versions of a template.
func (s *store) promoteVersion() {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.templates.rows[rand.N(len(s.templates.rows))]
	t.Version = t.Version%5 + 1
}
