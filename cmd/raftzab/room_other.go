//go:build !linux

package main

import "errors"

// room is of interest to live runs only.
func room(string) (uint64, error) { return 0, errors.New("not looked at here") }
