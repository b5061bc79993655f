/**
 * How many times as long as one request of a whole batch all its requests may be, about: each repeats its resources, and a resource longer than a request
 * may be would be repeated for every item.
 */
export const amplificationMax = 16;
