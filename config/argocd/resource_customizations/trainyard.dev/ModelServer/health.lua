-- The health of a ModelServer, from its conditions, which follow kstatus.
local health = {status = "Progressing", message = "Waiting for Trainyard to read the spec"}

-- A status of an earlier spec says nothing about this one.
if obj.status == nil or obj.status.conditions == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions) do
  conditions[condition.type] = condition
end
local function isTrue(name)
  return conditions[name] ~= nil and conditions[name].status == "True"
end

local ready = conditions["Ready"]
if ready == nil then
  return health
end
health.message = ready.reason .. ": " .. (ready.message or "")

if isTrue("Stalled") then
  health.status = "Degraded"
  -- It says which revision serves instead.
  if isTrue("RolledBack") then
    health.message = ready.reason .. ": " .. conditions["RolledBack"].message
  end
elseif ready.reason == "Paused" or ready.reason == "AwaitingPromotion" then
  health.status = "Suspended"
elseif isTrue("Ready") then
  health.status = "Healthy"
end

if isTrue("RequestRefused") then
  health.message = health.message .. "; " .. conditions["RequestRefused"].reason .. ": " .. conditions["RequestRefused"].message
end
return health
