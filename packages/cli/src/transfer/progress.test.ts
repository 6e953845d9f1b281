import { expect, test } from 'vitest'
import { progressBar, progressLine } from './progress.ts'

const MB = 2 ** 20

test.each([
  [{ done: 12 * MB, total: 28.5 * MB, rate: 3.1 * MB, doing: undefined }, 'a.bin   42%  12.0 MiB of 28.5 MiB  3.1 MiB/s  ETA 5s'],
  [{ done: 12 * MB, total: undefined, rate: 3.1 * MB, doing: undefined }, 'a.bin  12.0 MiB  3.1 MiB/s'],
  [
    { done: 28 * MB, total: 28 * MB, rate: undefined, doing: 'putting it in place' },
    'a.bin  100%  28.0 MiB of 28.0 MiB  putting it in place',
  ],
  [{ done: MB * 999_999, total: MB * 1_000_000, rate: 0, doing: undefined }, 'a.bin   99%  976.6 GiB of 976.6 GiB  0 B/s'],
  [{ done: 0, total: 0, rate: undefined, doing: undefined }, 'a.bin  100%  0 B of 0 B'],
])('%j', (standing, line) => {
  expect(progressLine({ name: 'a.bin', ...standing }, 79)).toBe(line)
})

test('a long name gives way, then the figures are cut', () => {
  const standing = { name: 'a-very-long-name-of-a-file.tar.gz', done: 0, total: 10, rate: undefined, doing: undefined }
  expect(progressLine(standing, 40)).toBe('…ame-of-a-file.tar.gz    0%  0 B of 10 B')
  expect(progressLine(standing, 8)).toBe('  0%  0 ')
})

function drawn() {
  const lines: string[] = []
  const clock = { ms: 0 }
  const stderr = { isTTY: true, columns: 80, write: (text: string | Uint8Array) => void lines.push(String(text)), drained: async () => {} }
  return { lines, clock, bar: progressBar({ stderr, now: () => clock.ms }, 'a', false) }
}

test('is drawn at most ten times a second, at once when something else is done, and is gone at the end', () => {
  const { lines, clock, bar } = drawn()
  bar.show(0, 1000)
  clock.ms = 99
  bar.show(10, 1000)
  bar.show(20, 1000, 'preparing')
  clock.ms = 1000
  bar.show(100, 1000)
  bar.end()
  bar.end()
  expect(lines).toEqual([
    '\r\u001b[Ka    0%  0 B of 1000 B',
    '\r\u001b[Ka    2%  20 B of 1000 B  preparing',
    '\r\u001b[Ka   10%  100 B of 1000 B  100 B/s  ETA 9s',
    '\r\u001b[K',
  ])
})

test('its speed is that of the last seconds', () => {
  const { lines, clock, bar } = drawn()
  for (let second = 0; second <= 20; second += 1) {
    clock.ms = second * 1000
    bar.show(second < 10 ? second * 1000 : 9000 + (second - 9) * 100, 100_000)
  }
  expect(lines.at(-1)).toContain('  100 B/s  ')
})

test('nothing is drawn where nobody looks', () => {
  const lines: string[] = []
  const stderr = { isTTY: false, write: (text: string | Uint8Array) => void lines.push(String(text)), drained: async () => {} }
  for (const bar of [
    progressBar({ stderr, now: () => 0 }, 'a', false),
    progressBar({ stderr: { ...stderr, isTTY: true }, now: () => 0 }, 'a', true),
  ]) {
    bar.show(1, 2)
    bar.end()
  }
  expect(lines).toEqual([])
})
