// Package status serves the status page of a process that measures a deployment, as
// HTML and as JSON.
//
// A [Backend] supplies the current [Facts] from memory. A [History] keeps the last hour
// of the numbers in charts. A [Page] serves both:
//
//	?                           the page, as HTML
//	?family=NAME                the series of one family
//	?family=NAME&label.L=VALUE  only series whose label L equals VALUE
//	?family=NAME&has.L=TEXT     only series whose label L contains TEXT, in any case
//	?format=json                the same view as JSON: [Report] or [FamilyReport]
//
// Links are relative, so that the page works under any path. The page is read-only,
// loads no external resources, and escapes all names.
package status
