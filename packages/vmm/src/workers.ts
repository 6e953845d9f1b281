// Threads for work that would hold up the event loop: started when first needed, kept, and no reason for the process to
// stay when they have nothing to do.

import { Worker } from 'node:worker_threads'

interface Answer<Result> {
  readonly id: number
  readonly result: Result
}

interface Thread<Result> {
  readonly worker: Worker
  readonly waiting: Map<number, PromiseWithResolvers<Result>>
}

/** The script answers each `{ id, job }` with `{ id, result }`, and what can go wrong is part of its result. */
export class Workers<Job, Result> {
  readonly #script: URL
  readonly #size: number
  readonly #threads = new Set<Thread<Result>>()
  #lastId = 0

  constructor(script: URL, size: number) {
    this.#script = script
    this.#size = size
  }

  /** On the thread with the least to do. */
  run(job: Job): Promise<Result> {
    const free = [...this.#threads].sort((one, other) => one.waiting.size - other.waiting.size)[0]
    return this.#post(free && (free.waiting.size === 0 || this.#threads.size === this.#size) ? free : this.#start(), job)
  }

  /** On every thread at once, each with the same job. */
  runOnAll(job: Job): Promise<Result[]> {
    while (this.#threads.size < this.#size) this.#start()
    // All have ended, also when one fails: what they share can be let go of then.
    return Promise.allSettled([...this.#threads].map((thread) => this.#post(thread, job))).then((results) =>
      results.map((result) => {
        if (result.status === 'rejected') throw result.reason
        return result.value
      }),
    )
  }

  #start(): Thread<Result> {
    const worker = new Worker(this.#script, { execArgv: [], stdin: false })
    const thread: Thread<Result> = { worker, waiting: new Map() }
    worker.on('message', ({ id, result }: Answer<Result>) => {
      thread.waiting.get(id)?.resolve(result)
      this.#settled(thread, id)
    })
    const fail = (cause: unknown): void => {
      this.#threads.delete(thread)
      for (const each of thread.waiting.values()) each.reject(new Error('A worker thread ended', { cause }))
      thread.waiting.clear()
    }
    worker.on('error', fail)
    worker.on('exit', fail)
    worker.unref()
    this.#threads.add(thread)
    return thread
  }

  #post(thread: Thread<Result>, job: Job): Promise<Result> {
    const id = ++this.#lastId
    const answer = Promise.withResolvers<Result>()
    thread.waiting.set(id, answer)
    thread.worker.ref()
    thread.worker.postMessage({ id, job }, [])
    return answer.promise
  }

  #settled(thread: Thread<Result>, id: number): void {
    thread.waiting.delete(id)
    if (thread.waiting.size === 0) thread.worker.unref()
  }
}
