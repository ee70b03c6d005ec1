package meters

import "slices"

// Outcome is how a workspace build or a provisioner job ended.
type Outcome string

// The outcomes. A canceled job has failed, unless it finished all the same.
const (
	Succeeded Outcome = "success"
	Failed    Outcome = "failed"
)

var outcomes = [...]Outcome{Succeeded, Failed}

// index returns the outcome's place among outcomes, and whether it has one.
func (o Outcome) index() (int, bool) {
	i := slices.Index(outcomes[:], o)
	return i, i >= 0
}
