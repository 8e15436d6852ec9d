local status = obj.status or {}
local ready = {}
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    ready = condition
  end
end
local rejected = {}
for _, rejection in ipairs(status.rejected or {}) do
  rejected[rejection.revision] = rejection.reason
end

local paused = obj.spec.rollout ~= nil and obj.spec.rollout.paused == true
local awaits = status.candidate ~= nil and status.candidate.stage == "AwaitingPromotion"

-- What a rejection would take back: the candidate, or else live while it bakes.
local unproven = nil
if status.candidate ~= nil then
  unproven = status.candidate.revision
elseif status.live ~= nil and (status.fallback ~= nil or ready.reason == "Baking") then
  unproven = status.live.revision
end

-- What spec.retry would have tried again: the rejected revision that Ready speaks of, or a candidate that didn't start.
local failed = ready.reason == "ProgressDeadlineExceeded"
for _, reason in pairs(rejected) do
  if ready.reason == reason then
    failed = true
  end
end

local actions = {}
actions["pause"] = {["disabled"] = paused, ["iconClass"] = "fa fa-fw fa-pause-circle"}
actions["resume"] = {["disabled"] = not paused, ["iconClass"] = "fa fa-fw fa-play-circle"}
actions["promote"] = {["disabled"] = not awaits, ["iconClass"] = "fa fa-fw fa-check-circle"}
actions["reject"] = {["disabled"] = unproven == nil or rejected[unproven] ~= nil, ["iconClass"] = "fa fa-fw fa-times-circle"}
actions["retry"] = {["disabled"] = not failed, ["iconClass"] = "fa fa-fw fa-redo"}
return actions
