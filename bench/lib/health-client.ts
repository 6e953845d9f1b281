// A process of its own: asks each address at a fixed pace, whatever became of the last request, and tells its parent how
// long each answer took, counted from when the request was due. Ends when the parent asks for the times, or is gone.

import { Agent, get } from 'node:http'

const PACE_MS = 10

const urls = process.argv.slice(2)
const times: (number | null)[][] = urls.map(() => [])
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

const ask = (url: string, due: number): Promise<number | null> =>
  new Promise((resolve) => {
    get(url, { agent }, (answer) => {
      answer.on('end', () => resolve(answer.statusCode === 200 ? performance.now() - due : null))
      answer.on('error', () => resolve(null))
      answer.resume()
    }).on('error', () => resolve(null))
  })

let due = performance.now()
const pending = new Set<Promise<unknown>>()
const timer = setInterval(() => {
  // A timer that comes late asks for what it missed: those requests waited as a caller's would have.
  for (; due <= performance.now(); due += PACE_MS) {
    for (const [i, url] of urls.entries()) {
      const asked = ask(url, due).then((ms) => times[i]?.push(ms))
      pending.add(asked)
      void asked.finally(() => pending.delete(asked))
    }
  }
}, PACE_MS)

process.on('message', () => {
  clearInterval(timer)
  void Promise.all(pending).then(() => process.send?.(times, () => process.exit(0)))
})
process.on('disconnect', () => process.exit(0))
