-- The generation grows with every change of the spec, so that this value is none that a revision was rejected under.
obj.spec.retry = "generation-" .. obj.metadata.generation

-- A rejection that is still written there would reject the revision again.
local annotations = obj.metadata.annotations or {}
for _, rejection in ipairs(obj.status ~= nil and obj.status.rejected or {}) do
  if annotations["trainyard.dev/reject"] == rejection.revision then
    annotations["trainyard.dev/reject"] = nil
  end
end
return obj
