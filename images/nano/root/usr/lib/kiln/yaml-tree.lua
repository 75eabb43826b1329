-- libyaml's events as a tree whose nodes know their lines: {kind, line, value | items | entries}.
local events = require 'yaml'
local encoding = require 'encoding'
local yamlTree = {}

-- Of a plain scalar: what YAML 1.1 calls null.
local nulls = { [''] = true, ['~'] = true, null = true, Null = true, NULL = true }
local binaryTag = 'tag:yaml.org,2002:binary'

-- The tree of the first document, nil for an empty one. Throws libyaml's own text when it is not YAML.
function yamlTree.parse(text, complain)
  local next = events.parser(text)
  local anchors = {}
  local readNode

  local function readScalar(event)
    local node = { kind = 'scalar', value = event.value, line = event.start_mark.line + 1 }
    node.isNull = event.style == 'PLAIN' and nulls[event.value] == true
    node.isPlain = event.style == 'PLAIN'
    if event.tag == binaryTag then
      node.value = encoding.decodeBase64(event.value)
      if not node.value then
        complain(node.line, '!!binary that is not base64')
        node.value = ''
      end
    end
    return node
  end

  local function readSequence(event)
    local node = { kind = 'list', items = {}, line = event.start_mark.line + 1 }
    for item in next do
      if item.type == 'SEQUENCE_END' then return node end
      node.items[#node.items + 1] = readNode(item)
    end
  end

  local function readMapping(event)
    local node = { kind = 'mapping', entries = {}, line = event.start_mark.line + 1 }
    local places = {}
    for first in next do
      if first.type == 'MAPPING_END' then return node end
      local key = readNode(first)
      local entry = { key = key.value, line = key.line, node = readNode(next()) }
      if key.kind ~= 'scalar' then
        complain(key.line, 'a key that is not a word: ignored')
      elseif places[key.value] then
        complain(key.line, ('%s a second time: this one counts'):format(key.value))
        node.entries[places[key.value]] = entry
      else
        node.entries[#node.entries + 1] = entry
        places[key.value] = #node.entries
      end
    end
  end

  local readers = { SCALAR = readScalar, SEQUENCE_START = readSequence, MAPPING_START = readMapping }
  function readNode(event)
    if event.type == 'ALIAS' then
      local node = anchors[event.anchor]
      if not node then error(('line %d: no anchor &%s'):format(event.start_mark.line + 1, event.anchor), 0) end
      return node
    end
    local node = readers[event.type](event)
    if event.anchor then anchors[event.anchor] = node end
    return node
  end

  local root
  for event in next do
    if readers[event.type] or event.type == 'ALIAS' then
      if root then
        complain(event.start_mark.line + 1, 'a second document: ignored')
        return root
      end
      root = readNode(event)
    end
  end
  return root
end

return yamlTree
