-- The annotation names the revision, so that it approves this one and no other, however long it stays.
local candidate = obj.status ~= nil and obj.status.candidate or nil
if candidate == nil or candidate.stage ~= "AwaitingPromotion" then
  error("no candidate awaits promotion", 0)
end
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["trainyard.dev/promote"] = candidate.revision
return obj
