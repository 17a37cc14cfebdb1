/** The k-th largest of the numbers (k from 1), which are put out of order. */
export function kthLargest(numbers: Float64Array, k: number): number {
  const wanted = numbers.length - k;
  let low = 0, high = numbers.length - 1;
  while (low < high) {
    const pivot = median(numbers[low]!, numbers[(low + high) >> 1]!, numbers[high]!);
    let i = low, j = high;
    while (i <= j) {
      while (numbers[i]! < pivot) i++;
      while (numbers[j]! > pivot) j--;
      if (i <= j) {
        const number = numbers[i]!;
        numbers[i++] = numbers[j]!;
        numbers[j--] = number;
      }
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else break;
  }
  return numbers[wanted]!;
}

function median(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
