// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Command server measures the inference server: answers a second and peak memory under 1, 4, 16 and 64 clients, each of
// which sends one picture after the other on a connection of its own. Each figure is of a server started for it.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// clientCounts are how many clients ask at a time.
var clientCounts = []int{1, 4, 16, 64}

func main() {
	server := flag.String("server", "bin/server", "`program` to measure")
	picture := flag.String("picture", "", "`file` that is sent")
	seconds := flag.Int("seconds", 8, "how long each figure is measured, after a quarter of that to warm up")
	flag.Parse()
	image, err := os.ReadFile(*picture)
	if err == nil {
		fmt.Printf("%-20s %8s %10s %10s %8s\n", "model", "clients", "answers/s", "peak MB", "failed")
		for _, model := range flag.Args() {
			for _, clients := range clientCounts {
				err = errors.Join(err, measure(*server, model, image, clients, time.Duration(*seconds)*time.Second))
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// measure prints a line of the table.
func measure(server, model string, image []byte, clients int, window time.Duration) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	command := exec.Command(server, "serve", "--model", model, "--address", host, "--port", port) //nolint:gosec // the program to measure
	if err := command.Start(); err != nil {
		return err
	}
	defer func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	url := "http://" + address
	if err := ready(url + "/v2/health/ready"); err != nil {
		return fmt.Errorf("serve %s: %w", model, err)
	}
	ask(url+"/predict", image, clients, window/4)
	answered, failed := ask(url+"/predict", image, clients, window)
	peak, err := peakMemory(command.Process.Pid)
	if err != nil {
		return err
	}
	fmt.Printf("%-20s %8d %10.0f %10.0f %8d\n", filepath.Base(model), clients, float64(answered)/window.Seconds(), float64(peak)/1e6, failed)
	return nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // at once
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// ready waits until the server has loaded its model.
func ready(url string) error {
	for range 200 {
		if response, err := http.Get(url); err == nil { //nolint:noctx,gosec // the server that was started
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("it does not get ready")
}

// ask lets clients ask for a while and counts their answers within it. The last request of each ends by itself: a server
// may take a while to see that a client has left, and would refuse one of those that ask next.
func ask(url string, image []byte, clients int, window time.Duration) (answered, failed int64) {
	ctx, cancel := context.WithTimeout(context.Background(), window)
	defer cancel()
	var (
		group     sync.WaitGroup
		good, bad atomic.Int64
	)
	for range clients {
		group.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for ctx.Err() == nil {
				status, err := post(client, url, image)
				switch {
				case err != nil || status != http.StatusOK:
					bad.Add(1)
				case ctx.Err() == nil:
					good.Add(1)
				}
			}
			client.CloseIdleConnections()
		})
	}
	group.Wait()
	return good.Load(), bad.Load()
}

func post(client *http.Client, url string, image []byte) (status int, err error) {
	response, err := client.Post(url, "application/octet-stream", bytes.NewReader(image)) //nolint:noctx // it ends by itself
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// peakMemory is the most memory that a process has ever had resident, in bytes.
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := highWater.FindSubmatch(status)
	if found == nil {
		return 0, errors.New("the kernel reports no peak of memory")
	}
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	return kilobytes << 10, err
}
