// Package status is the status page: one view of a process that measures a
// deployment, for people as HTML and for scripts as JSON.
//
// A [Backend] supplies the [Facts] of one moment, all from memory. A [History]
// keeps the last hour of the numbers with a chart. A [Page] serves both:
//
//	?                           the page, as HTML
//	?family=NAME                the series of one family
//	?family=NAME&label.L=VALUE  those whose label L equals VALUE
//	?family=NAME&has.L=TEXT     those whose label L contains TEXT, in any case
//	?format=json                the same view as JSON: [Report] or [FamilyReport]
//
// Links are relative, so that the page works under any path. It changes nothing,
// loads nothing from elsewhere, and escapes every name, which outsiders choose.
package status
