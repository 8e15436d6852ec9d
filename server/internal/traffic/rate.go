// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import "time"

// rateSeconds is the time over which the rate of requests is taken.
const rateSeconds = 60

// rate counts the requests of each of the last seconds.
type rate struct {
	seconds [rateSeconds]struct{ second, count int64 }
}

func (r *rate) add(now time.Time) {
	second := now.Unix()
	slot := &r.seconds[second%rateSeconds]
	if slot.second != second {
		slot.second, slot.count = second, 0
	}
	slot.count++
}

// perSecond is the rate over the last minute, or since the start if that was less than a minute ago.
func (r *rate) perSecond(now, start time.Time) float64 {
	var sum int64
	for _, slot := range r.seconds {
		if now.Unix()-slot.second < rateSeconds {
			sum += slot.count
		}
	}
	return float64(sum) / min(max(now.Sub(start).Seconds(), 1), rateSeconds)
}
