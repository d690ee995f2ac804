"""Ways to classify pictures compared on the same folds: features made by hand, and heads on cached vectors."""
