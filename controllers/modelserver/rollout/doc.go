// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rollout decides how a ModelServer moves from one revision to the next.
// It is pure: [Plan] maps what was observed to what is to be done, [Describe] maps
// it to what a person is told. It has no client and no clock.
//
// # Words
//
// A revision is what a replica answers with: a model file and the settings of its
// server. It has a name, made from a hash, and one Deployment. The live revision is
// the one that the Service selects. The fallback is the last revision that finished
// its bake; it stays at full scale while the live one bakes. The candidate is the
// revision that the spec asks for while it is neither live, nor the fallback, nor
// rejected.
//
// # The record
//
// The [Record] is an annotation of the Service. It is written together with the
// Service's selector, in one request that carries the resource version of the record
// it replaces. So each decision is one write: it is made or it isn't, and a
// controller that reads the record afterwards, however the last one ended, goes on
// from there. A pass that writes the record does nothing else.
//
// # Algorithm
//
// Each pass takes the first rule that applies and writes the record that it asks for:
//
//	recover       no Service, or no readable record: recreated from the status
//	reselect      the selector isn't the record's live revision: the record wins
//	switchBack    the live revision failed its bake, was rejected by a person, or is gone: live := fallback, loser retired;
//	              without a ready fallback it is only rejected and stays selected. One that has
//	              lost all its replicas for 30 s gives the traffic back too, and is a candidate again
//	dropFallback  the fallback is gone, and so is the template to recreate it from
//	rebake        live failed its bake under another policy than the spec's now: baked again
//	finishBake    the bake passed: live is baked, the old fallback retired
//	returnBack    the spec asks for the fallback again: live := fallback, no test, the other retired
//	retire        a revision that is neither live, fallback nor candidate: retired, before anything is
//	              written after which no status names it
//	reject        a gate, the model file or the smoke test failed, or a person says so: candidate rejected and retired
//	promote       smoke passed on every pod, enough are available, and a person has approved where the
//	              spec says so: live := candidate,
//	              fallback := the last baked
//	postpone      the candidate isn't available in full within its deadline: retired, tried again later
//	noteStart     the candidate begins or ceases to start: noted
//	note          a bake begins, or live's replicas begin or cease to be unwell: noted
//	forget        a retired revision is gone: left out
//
// While the rollout is paused, those that take it further wait: rebake, finishBake, returnBack,
// promote and postpone. No candidate is created, and none is tested.
//
// If none applies, the children are brought in line: the candidate's Deployment is
// created, and that of live or fallback if it was deleted outside Trainyard; live and
// fallback follow the number of replicas asked for, the candidate too, but not while it is tested; a smoke Job starts when all of the candidate's
// replicas are available, a bake Job when the Service's endpoints have followed the
// switch; Jobs that test nothing of interest are deleted, and so are the Deployments
// that the record, as it was read, names as retiring; the pod template of each revision
// that may need its Deployment again is kept, beside the Deployment, and of no other.
//
// What follows from that:
//
//   - A live revision or fallback whose Deployment is deleted outside Trainyard comes back
//     as it was, whatever the spec asks for.
//   - A revision gets traffic only after each of its pods passed the smoke test, or
//     after it had been baked before.
//   - A Deployment is deleted only in a pass after the one that named it as retiring,
//     and a revision named there is never selected.
//   - At most three Deployments exist: a candidate waits for a retired one to go.
//   - While spec.model can't be resolved nothing is promoted or newly retired.
//
// And when nothing at all is to be done, live's number of replicas is noted (count): while it
// is scaled up later, it is as available as it was with these.
//
// # Evidence
//
// A revision is rejected for what its model did: an answer that was wrong, a container that
// ended by itself, a file with another digest, a server that runs and isn't ready any more, a
// missed gate. What the cluster does says nothing: evictions, lost nodes, quotas, pulls,
// timeouts. A test that ended so is void and run again as the next attempt, 10 s after it
// started, doubling up to 5 min.
//
// Times of different clocks are never compared. What a container did before its bake is
// told by the identity of its end, which the record keeps; how long something lasts, by the
// manager's clock, from when the manager noted it in the record.
package rollout
