// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command probe is what the pods of the cluster's own test run.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: probe serve | write FILE | get URL | resolve NAME | eat"))
	}
	switch os.Args[1] {
	case "serve":
		http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "served") })
		fail(http.ListenAndServe(":8080", nil)) //nolint:gosec // a test's server
	case "write":
		fail(write(os.Args[2:]))
	case "get":
		fail(get(os.Args[2]))
	case "resolve":
		_, err := net.DefaultResolver.LookupHost(context.Background(), os.Args[2])
		fail(err)
	case "eat":
		eat()
	default:
		fail(fmt.Errorf("unknown command %q", os.Args[1]))
	}
}

// fail ends the program, with the error's text if there is one.
func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// write writes files that must not be there yet.
func write(paths []string) error {
	for _, path := range paths {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

func get(url string) error {
	client := &http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}

// eat takes memory until it is stopped.
func eat() {
	var held [][]byte
	for {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = 1
		}
		held = append(held, block)
		if len(held)%16 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}
