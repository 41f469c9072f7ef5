#!/usr/bin/env sh
# Makes the training and test databases out of the four idx files in data/mnist.
# Run it in the root of the tree, beside build/, data/ and examples/.
set -e

backend=${BACKEND:-lmdb}
target=examples/mnist
convert=build/examples/mnist/convert_mnist_data.bin

rm -rf "$target/mnist_train_$backend" "$target/mnist_test_$backend"
"$convert" data/mnist/train-images-idx3-ubyte data/mnist/train-labels-idx1-ubyte \
  "$target/mnist_train_$backend" --backend="$backend"
"$convert" data/mnist/t10k-images-idx3-ubyte data/mnist/t10k-labels-idx1-ubyte \
  "$target/mnist_test_$backend" --backend="$backend"
