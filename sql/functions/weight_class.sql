-- weight_class(weight): a weight of at least 1 rounded up to five binary digits, DOUBLE: 1, 2, 3, 5, 10, 20 stay as they are, none
-- grows by more than 1/16. So the weights of a group are few, and a histogram of them small.
CREATE OR REPLACE MACRO weight_class(weight) AS
    ceil(weight / pow(2, floor(log2(weight)) - 4)) * pow(2, floor(log2(weight)) - 4);
