// What the docs check wants to know of a Markdown file: its links, its anchors, its fenced snippets. Pure text in, values out.

export interface Link {
  readonly target: string
  readonly line: number
}

export interface Snippet {
  readonly language: string
  /** Words after the language, e.g. `runnable`. */
  readonly marks: readonly string[]
  readonly text: string
  /** Of the first line inside the fence. */
  readonly line: number
}

export interface Markdown {
  readonly links: readonly Link[]
  readonly anchors: ReadonlySet<string>
  readonly snippets: readonly Snippet[]
}

export function parseMarkdown(text: string): Markdown {
  const links: Link[] = []
  const anchors = new Set<string>()
  const snippets: Snippet[] = []
  let fence: { mark: string; info: string; from: number; lines: string[] } | undefined

  for (const [i, line] of text.split('\n').entries()) {
    const [, mark = '', info = ''] = /^ {0,3}(`{3,}|~{3,})\s*(.*)$/.exec(line) ?? []
    if (fence) {
      if (mark.startsWith(fence.mark) && info.trim() === '') {
        const [language = '', ...marks] = fence.info.trim().split(/\s+/)
        snippets.push({ language, marks, text: fence.lines.join('\n'), line: fence.from })
        fence = undefined
      } else fence.lines.push(line)
      continue
    }
    if (mark !== '') {
      fence = { mark, info, from: i + 2, lines: [] }
      continue
    }
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1]
    if (heading !== undefined) anchors.add(freeAnchor(anchors, slug(heading)))
    for (const [, id] of line.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) if (id) anchors.add(id)
    for (const target of linkTargets(line)) links.push({ target, line: i + 1 })
  }
  return { links, anchors, snippets }
}

/** As GitHub makes an anchor of a heading. */
export function slug(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-')
}

function freeAnchor(taken: ReadonlySet<string>, base: string): string {
  if (!taken.has(base)) return base
  for (let n = 1; ; n++) if (!taken.has(`${base}-${n}`)) return `${base}-${n}`
}

function linkTargets(line: string): readonly string[] {
  const plain = line.replace(/(`+).*?\1/g, '')
  const inline = [...plain.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map((match) => match[1])
  const reference = /^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)/.exec(plain)?.[1]
  const html = [...plain.matchAll(/\b(?:src|href)="([^"]+)"/g)].map((match) => match[1])
  return [...inline, reference, ...html].filter((target) => target !== undefined)
}
