package main

import "github.com/urfave/cli/v3"

// variable returns the source for an environment variable. An empty variable counts as
// unset, since manifests often have empty ones.
func variable(name string) cli.ValueSourceChain {
	return cli.NewValueSourceChain(variableSource{cli.EnvVar(name)})
}

type variableSource struct{ cli.ValueSource }

func (s variableSource) Lookup() (string, bool) {
	value, _ := s.ValueSource.Lookup()
	return value, value != ""
}

func (s variableSource) IsFromEnv() bool { return true }
func (s variableSource) Key() string     { return s.ValueSource.(cli.EnvValueSource).Key() }
