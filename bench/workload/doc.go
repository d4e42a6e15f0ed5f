// Package workload answers what clients ask a replicated service for, when and
// where, and what they are told. It is a population of clients that decides and
// never waits: the same in virtual and in real time, for every system.
package workload
