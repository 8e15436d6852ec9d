-- The annotation names the revision: the candidate, or else live while it bakes.
local status = obj.status or {}
local baking = status.fallback ~= nil
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" and condition.reason == "Baking" then
    baking = true
  end
end

local revision = nil
if status.candidate ~= nil then
  revision = status.candidate.revision
elseif status.live ~= nil and baking then
  revision = status.live.revision
end
if revision == nil then
  error("there is no candidate, and live isn't being baked: nothing can be rejected", 0)
end

if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["trainyard.dev/reject"] = revision
-- An approval of the same revision would count again once it is retried.
if obj.metadata.annotations["trainyard.dev/promote"] == revision then
  obj.metadata.annotations["trainyard.dev/promote"] = nil
end
return obj
