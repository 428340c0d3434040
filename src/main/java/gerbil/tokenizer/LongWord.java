package gerbil.tokenizer;

import java.util.Arrays;

/** Byte-pair encoding of one long word in n log n steps: a linked list of tokens and a heap of the merges it allows. */
final class LongWord {

    private final MergeTable merges;
    private final int[] ids;
    private final int[] next;
    private final int[] previous;
    private long[] heap;
    private int heapSize;

    LongWord(MergeTable merges, byte[] text, int start, int length) {
        this.merges = merges;
        ids = new int[length];
        next = new int[length];
        previous = new int[length];
        heap = new long[length];
        for (int i = 0; i < length; i++) {
            ids[i] = merges.ofByte(text[start + i]);
            next[i] = i + 1;
            previous[i] = i - 1;
        }
    }

    void encode(IdBuffer out) {
        int length = ids.length;
        for (int i = 0; i + 1 < length; i++) {
            push(i);
        }
        while (heapSize > 0) {
            long first = pop();
            int rank = (int) (first >>> 32);
            int left = (int) first;
            if (ids[left] < 0 || next[left] == length || merges.merged(ids[left], ids[next[left]]) != rank) {
                continue; // another merge has changed this pair since
            }
            int right = next[left];
            ids[left] = rank;
            ids[right] = -1;
            next[left] = next[right];
            if (next[left] < length) {
                previous[next[left]] = left;
                push(left);
            }
            if (previous[left] >= 0) {
                push(previous[left]);
            }
        }
        for (int i = 0; i < length; i = next[i]) {
            out.add(ids[i]);
        }
    }

    /** The heap orders by rank and then from left to right. */
    private void push(int left) {
        int rank = merges.merged(ids[left], ids[next[left]]);
        if (rank == MergeTable.NONE) {
            return;
        }
        if (heapSize == heap.length) {
            heap = Arrays.copyOf(heap, 2 * heapSize);
        }
        long entry = (long) rank << 32 | left;
        int at = heapSize++;
        while (at > 0 && heap[at - 1 >> 1] > entry) {
            heap[at] = heap[at - 1 >> 1];
            at = at - 1 >> 1;
        }
        heap[at] = entry;
    }

    private long pop() {
        long first = heap[0];
        long last = heap[--heapSize];
        int at = 0;
        while (2 * at + 1 < heapSize) {
            int child = 2 * at + 1;
            child += child + 1 < heapSize && heap[child + 1] < heap[child] ? 1 : 0;
            if (heap[child] >= last) {
                break;
            }
            heap[at] = heap[child];
            at = child;
        }
        heap[at] = last;
        return first;
    }
}
