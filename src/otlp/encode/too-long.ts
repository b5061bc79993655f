/** What is being written became longer than its writer may grow. */
export class TooLong extends Error {
  constructor(lengthMax: number) {
    super(`message longer than ${lengthMax} bytes`);
    this.name = 'TooLong';
  }
}
