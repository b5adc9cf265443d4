/** For services that are run as programs: prints where they are, and resolves when they are told to end. */
export async function serveAlone(address: string): Promise<void> {
  process.stdout.write(`${address}\n`);
  await new Promise((resolve) => {
    // Keeps the process alive; a listener for signals does not.
    const alive = setInterval(() => undefined, 60_000);
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => {
        clearInterval(alive);
        resolve(signal);
      });
  });
}
