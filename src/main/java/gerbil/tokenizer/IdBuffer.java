package gerbil.tokenizer;

import java.util.Arrays;

/** Token ids, one after another, two bytes each. */
public final class IdBuffer {

    private char[] ids = new char[1 << 12];
    private int size;

    /** How many ids there are. */
    public int size() {
        return size;
    }

    /** The id at an index below {@link #size}. */
    public int get(int index) {
        return ids[index];
    }

    void add(int id) {
        if (size == ids.length) {
            ids = Arrays.copyOf(ids, size + (size >> 1));
        }
        ids[size++] = (char) id;
    }

    void add(int[] more) {
        for (int id : more) {
            add(id);
        }
    }

    int[] toArray() {
        int[] array = new int[size];
        for (int i = 0; i < size; i++) {
            array[i] = ids[i];
        }
        return array;
    }
}
