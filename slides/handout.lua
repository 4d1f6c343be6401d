-- The handout in typst: notes in a box, small pictures and formulas with alternative text.

local function quoted(text)
  return '"' .. text:gsub('[\\"]', '\\%0') .. '"'
end

function Image(image)
  local alt = pandoc.utils.stringify(image.caption)
  local words = alt ~= '' and ', alt: ' .. quoted(alt) or ''
  return pandoc.RawInline('typst', '#image(' .. quoted(image.src) .. words .. ')')
end

function Math(math)
  local inner = pandoc.write(pandoc.Pandoc({ pandoc.Plain({ math }) }), 'typst')
  local block = tostring(math.mathtype == 'DisplayMath')
  local call = '#math.equation(block: ' .. block .. ', alt: ' .. quoted(math.text) .. ', '
  return pandoc.RawInline('typst', call .. inner:gsub('%s+$', '') .. ')')
end

function Div(div)
  if div.classes:includes('notes') then
    local open, close = pandoc.RawBlock('typst', '#notes['), pandoc.RawBlock('typst', ']')
    return { open, div, close }
  end
end

function Link(link) -- from a PDF nothing leads to a page that lies beside its source
  if not link.target:match('^https?:') and not link.target:match('^#') then
    return link.content
  end
end
