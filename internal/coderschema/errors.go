package coderschema

import "errors"

// The causes of a failed collection that the owner of the database can fix. [Inspect]
// reports all of them at once.
var (
	// ErrPermission means that the role may not read a column.
	ErrPermission = errors.New("permission denied")
	// ErrSchema means that a table or a column does not exist, or that the role has
	// no USAGE on the schema.
	ErrSchema = errors.New("undefined table or column")
	// ErrRowSecurity means that row-level security hides every row of a table.
	ErrRowSecurity = errors.New("row-level security hides every row")
)
