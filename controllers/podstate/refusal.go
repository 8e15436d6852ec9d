// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package podstate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Why the API server refuses a pod, and what to do about it.

// FailedCreate is the reason of the Job controller's event, and of a Deployment's
// condition, that reports a refused pod.
const FailedCreate = "FailedCreate"

// Asker is where a refused pod has its resources from.
type Asker struct {
	Container string // ours
	Field     string // of the spec
	Immutable bool   // the field can't be changed: it takes another TrainingRun
}

// to says how to get a spec that does something: "ask for less in" the field, say.
func (a Asker) to(does, do string) string {
	if a.Immutable {
		return "create another TrainingRun that " + does
	}
	return do
}

// podName is how the API server's refusal of a pod starts: with a name that is another each time.
var podName = regexp.MustCompile(`^[Pp]ods? "[^"]*" is (forbidden|invalid): `)

// refusedText is what every message of a refused pod says, and no other.
const refusedText = " can't be created: "

// IsRefusal tells whether a message says that pods are refused.
func IsRefusal(message string) bool { return strings.Contains(message, refusedText) }

// Refused is that pods are refused for this cause: by a quota, a LimitRange, an
// admission webhook, Pod Security. What only a person can tell from the cause has no remedy.
func Refused(pods string, asker Asker, cause string) Problem {
	cause = podName.ReplaceAllString(cause, "")
	message := pods + refusedText + cause
	for _, refusal := range refusals {
		if strings.Contains(cause, refusal.sign) {
			return Problem{Message: message + "; " + refusal.remedy(asker, cause)}
		}
	}
	return Problem{Message: message}
}

// rangeSigns are what the API server says of pods that a LimitRange doesn't allow.
var rangeSigns = []string{" usage per Container is ", " usage per Pod is ", " max limit to request ratio per ", "must be less than or equal to "}

// IsRefusedByRange tells whether a problem is that pods are refused by a LimitRange.
func IsRefusedByRange(problem Problem) bool {
	return strings.Contains(problem.Message, refusedText) &&
		slices.ContainsFunc(rangeSigns, func(sign string) bool { return strings.Contains(problem.Message, sign) })
}

// refusals are what the API server's own admission says of pods that it refuses.
var refusals = []struct {
	sign   string
	remedy func(asker Asker, cause string) string
}{
	{sign: "exceeded quota: ", remedy: exceededRemedy},
	{sign: "failed quota: ", remedy: unspecifiedRemedy},
	{sign: rangeSigns[0], remedy: limitRangeRemedy},
	{sign: rangeSigns[1], remedy: limitRangeRemedy},
	{sign: rangeSigns[2], remedy: limitRangeRemedy},
	{sign: rangeSigns[3], remedy: defaultLimitRemedy},
	{sign: "violates PodSecurity ", remedy: func(Asker, string) string {
		return "Trainyard's own pods meet the level restricted: find what adds to them, such as an injector of sidecars"
	}},
}

// requested is what a quota says was asked for: pods=1,requests.cpu=1.
var requested = regexp.MustCompile(`requested: ([^ ]+), used: `)

// exceededRemedy is of a quota that is used up. Where it counts only objects, asking for
// less is of no use.
func exceededRemedy(asker Asker, cause string) string {
	if match := requested.FindStringSubmatch(cause); match != nil {
		counts := func(part string) bool { return strings.HasPrefix(part, "pods=") || strings.HasPrefix(part, "count/") }
		if !slices.ContainsFunc(strings.Split(match[1], ","), func(part string) bool { return !counts(part) }) {
			return "raise the quota, or delete what it counts and nobody needs"
		}
	}
	return "raise the quota, or " + asker.to("asks for less in "+asker.Field, "ask for less in "+asker.Field)
}

// unspecified is what a quota wants to be set, and in which containers: "limits.cpu for: server,proxy".
var unspecified = regexp.MustCompile(`([a-z./-]+) for: ([^;]+)`)

// unspecifiedRemedy is of a quota that counts what a container doesn't say.
func unspecifiedRemedy(asker Asker, cause string) string {
	var fields, others []string
	for _, match := range unspecified.FindAllStringSubmatch(cause, -1) {
		name := match[1]
		if !strings.Contains(name, ".") {
			name = "requests." + name
		}
		for container := range strings.SplitSeq(match[2], ",") {
			if container = strings.TrimSpace(container); container == asker.Container {
				fields = append(fields, asker.Field+"."+name)
			} else if !slices.Contains(others, container) {
				others = append(others, container)
			}
		}
	}
	var remedies []string
	if set := strings.Join(fields, " and "); set != "" {
		remedies = append(remedies, asker.to("sets "+set, "set "+set))
	}
	if len(others) > 0 {
		remedies = append(remedies, fmt.Sprintf("set resources of container %s where it is injected", strings.Join(others, ", ")))
	}
	remedies = append(remedies, "or have a LimitRange of the namespace set defaults")
	return strings.Join(remedies, ", ")
}

func limitRangeRemedy(asker Asker, _ string) string {
	return asker.to("keeps "+asker.Field+" within the namespace's LimitRange", "keep "+asker.Field+" within the namespace's LimitRange") + ", or change that"
}

// defaultLimitRemedy is of a request above a limit that nobody has set: it is a LimitRange's.
func defaultLimitRemedy(asker Asker, _ string) string {
	return asker.to("sets "+asker.Field+".limits", "set "+asker.Field+".limits") + ", for the limit is the default of the namespace's LimitRange"
}
