// Range of a download (RFC 9110, 14.2): one range of bytes. Several, or what is none, mean the whole.

export type Part = { readonly offset: number; readonly length: number } | 'whole' | 'unsatisfiable'

export function partOf(range: string | undefined, size: number): Part {
  const asked = /^bytes=(\d*)-(\d*)$/i.exec(range ?? '')
  const [, first = '', last = ''] = asked ?? []
  if (first === '') return last === '' ? 'whole' : lastBytes(Number(last), size)
  const offset = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  if (last !== '' && Number(last) < offset) return 'whole'
  return offset >= size ? 'unsatisfiable' : { offset, length: end - offset }
}

function lastBytes(count: number, size: number): Part {
  if (count === 0) return 'unsatisfiable'
  return size === 0 ? 'whole' : { offset: Math.max(0, size - count), length: Math.min(count, size) }
}
